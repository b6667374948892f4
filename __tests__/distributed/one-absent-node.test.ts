import { reading, started } from '../contracts/store-steps.js';
import { useFleet, type FleetInstance } from './fleet.js';

/** The calls of a driver for many tasks. They fail as a whole where one of the tasks cannot be reached. */
const CALLS = ['look', 'readAudience', 'reportAudience'] as const;

/** The node of the store that has this task does not answer an instance. */
function hide(taskId: string, { driver }: FleetInstance): void {
  for (const name of CALLS) {
    const call = driver[name].bind(driver) as (some: never) => Promise<never>;
    jest.spyOn(driver, name).mockImplementation(async (some: readonly (string | { taskId: string })[]) => {
      const isAsked = some.some((each) => (typeof each === 'string' ? each : each.taskId) === taskId);
      if (isAsked) throw new Error('The node is away');
      return call(some as never);
    });
  }
}

describe('While one node of the store is away', () => {
  const fleet = useFleet();

  it('the tasks on the others are cancelled as they are asked to be, although no note arrives', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const hidden = await fleet.answered(started(one.store));
    const { taskId, executor } = await fleet.answered(started(one.store));
    hide(hidden.taskId, one);
    jest.spyOn(two.driver, 'notify').mockRejectedValue(new Error('The note was lost'));
    await fleet.answered(two.store.requestCancel(taskId, { code: 'TASK_CANCELLED', message: 'no' }));
    await fleet.pass(6_000);
    expect(executor.cancels).toContainEqual({ code: 'TASK_CANCELLED', message: 'no' });
  });

  it('what is appended to them is read, although no notification comes', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const hidden = await fleet.answered(started(one.store));
    const { taskId, writer } = await fleet.answered(started(one.store));
    await fleet.answered(reading(two.store, hidden.taskId));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(500);
    hide(hidden.taskId, two);
    for (const { followed } of fleet.server.listeners.values()) followed.clear();
    await fleet.answered(writer.append(undefined, '1'));
    await fleet.pass(6_000);
    expect(reader.drain().seqs).toEqual([1]);
  });

  it('their subscribers are reported and counted', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const hidden = await fleet.answered(started(one.store));
    const { taskId, executor } = await fleet.answered(started(one.store));
    const leaving = await fleet.answered(reading(two.store, hidden.taskId));
    await fleet.pass(500);
    for (const instance of [one, two]) hide(hidden.taskId, instance);
    leaving.close(); // which cannot be reported
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(6_000);
    expect(executor.audiences.at(-1)).toBe(1);
    reader.close();
    await fleet.pass(6_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });
});
