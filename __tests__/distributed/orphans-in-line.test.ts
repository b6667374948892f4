import type { TaskRecord } from '../../lib/core/ports.js';
import { SCHEMA } from '../../lib/distributed/port/stored.js';
import { recordOf, started } from '../contracts/store-steps.js';
import { statusesOf, useFleet, type FleetInstance } from './fleet.js';

describe('A lost task that waits behind many others', () => {
  const restarting = { onLost: 'restart', orphanDeadlineMs: 20_000 } as const;
  const fleet = useFleet();

  /** Tasks that nobody holds, in this order; the first `newer` of them are of a newer version. */
  async function orphans(one: FleetInstance, count: number, newer = 0): Promise<string[]> {
    const taskIds: string[] = [];
    for (let n = 0; n < count; n++) {
      const { taskId, writer } = await fleet.answered(started(one.store));
      await fleet.answered(writer.release());
      const task = fleet.server.store!.state.tasks.get(taskId)!;
      if (n < newer) Object.assign(task, { draft: { ...task.draft, schema: SCHEMA + 1 } });
      taskIds.push(taskId);
    }
    return taskIds;
  }

  it('runs at once where somebody comes back for it', async () => {
    const one = fleet.open(restarting);
    const [taskId = ''] = await orphans(one, 1);
    const { state } = fleet.server.store!;
    const [[, orphan]] = [...state.orphans] as [[string, { since: number; due: number; handler: string }]];
    state.orphans.clear();
    for (let n = 0; n < 1_000; n++) state.orphans.set(`before-${n}`, { ...orphan, since: orphan.since - 1 });
    state.orphans.set(taskId, orphan);
    expect(await fleet.answered(one.store.claim(taskId, false))).toHaveProperty('writer');
  });

  it('is offered to who has room for one alone, although the first in line is of a newer version', async () => {
    const one = fleet.open(restarting);
    const [, second] = await orphans(one, 2, 1);
    const offered: string[] = [];
    const run = async ({ taskId }: TaskRecord): Promise<void> => void offered.push(taskId);
    fleet.open({ ...restarting, orphanRunner: { handlers: ['name:test'], room: 1, run } });
    await fleet.pass(3_000);
    expect(offered).toContain(second);
  });

  it('ends in time, although a hundred before it are of a newer version', async () => {
    const one = fleet.open(restarting);
    const taskIds = await orphans(one, 101, 100);
    await fleet.pass(21_000);
    await fleet.answered(one.store.sweep());
    expect(await statusesOf(one, taskIds.slice(100))).toEqual(['failed']);
    expect(await recordOf(one.store, { taskId: taskIds[100]! })).toMatchObject({ status: 'failed' });
  });

  it('is ended with the others of a dead instance that the store can look at', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const [lost, hidden] = [await fleet.answered(started(one.store)), await fleet.answered(started(one.store))];
    const { look, read } = two.driver;
    jest.spyOn(two.driver, 'look').mockImplementation(async (taskIds) => {
      if (taskIds.includes(hidden.taskId)) throw new Error('A node is away');
      return look(taskIds);
    });
    jest.spyOn(two.driver, 'read').mockImplementation(async (ref, wanted) => {
      if ('taskId' in ref && ref.taskId === hidden.taskId) throw new Error('A node is away');
      return read(ref, wanted);
    });
    await fleet.pass(2_000);
    fleet.kill(one);
    await fleet.pass(3_000);
    expect(await statusesOf(two, [lost.taskId])).toEqual(['failed']);
  });
});
