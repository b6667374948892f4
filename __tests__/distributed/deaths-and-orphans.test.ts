import type { TaskRecord } from '../../lib/core/ports.js';
import { reading, recordOf, started } from '../contracts/store-steps.js';
import { codeOf, draft } from '../support/stores/store-fixtures.js';
import { statusesOf, useFleet } from './fleet.js';

describe('Instances that share tasks', () => {
  const fleet = useFleet();

  describe('that watch each other', () => {
    it('end the tasks of a dead instance within its lease and two seconds', async () => {
      const [one, two] = [fleet.open(), fleet.open()];
      const { taskId } = await fleet.answered(started(one.store));
      const reader = await fleet.answered(reading(two.store, taskId));
      await fleet.pass(2_000);
      fleet.kill(one);
      await fleet.pass(3_000);
      expect(await statusesOf(two, [taskId])).toEqual(['failed']);
      expect(reader.drain().frames.map(({ event }) => event)).toEqual(['failed']);
      reader.close();
    });

    it('declare nobody dead while the store refuses all heartbeats, nor right after', async () => {
      const instances = [fleet.open(), fleet.open(), fleet.open()];
      const tasks = await Promise.all(instances.map(({ store }) => fleet.answered(started(store))));
      await fleet.pass(2_000);
      for (const { link } of instances) link.refusesWrites = true;
      await fleet.pass(5_000);
      for (const { link } of instances) link.refusesWrites = false;
      await fleet.pass(5_000);
      const taskIds = tasks.map(({ taskId }) => taskId);
      expect(await statusesOf(instances[0]!, taskIds)).toEqual(['running', 'running', 'running']);
      expect(tasks.flatMap(({ executor }) => executor.fences)).toEqual([]);
    });

    it('judge an instance by its own lease, not by theirs', async () => {
      const [slow, quick] = [fleet.open({ leaseMs: 8_000 }), fleet.open({ leaseMs: 500 })];
      const { taskId, executor } = await fleet.answered(started(slow.store));
      await fleet.answered(started(quick.store));
      await fleet.pass(2_000);
      slow.link.isCut = true;
      await fleet.pass(6_000);
      slow.link.isCut = false;
      await fleet.pass(4_000);
      expect(await statusesOf(quick, [taskId])).toEqual(['running']);
      expect(executor.fences).toEqual([]);
    });

    it('lose nothing by a silence that is shorter than the lease', async () => {
      const [one, two] = [fleet.open({ leaseMs: 2_000 }), fleet.open({ leaseMs: 2_000 })];
      const { taskId, executor, writer } = await fleet.answered(started(one.store));
      await fleet.answered(started(two.store));
      for (let n = 0; n < 5; n++) {
        await fleet.pass(2_000);
        one.link.isCut = true;
        await fleet.pass(1_900);
        one.link.isCut = false;
      }
      await fleet.pass(2_000);
      await fleet.answered(writer.append(undefined, '"still here"'));
      expect([executor.fences, await statusesOf(two, [taskId])]).toEqual([[], ['running']]);
    });

    it('write nothing after a long silence of their own until they know which tasks are still theirs', async () => {
      const [one, two] = [fleet.open(), fleet.open()];
      const { taskId, executor, writer } = await fleet.answered(started(one.store));
      await fleet.answered(started(two.store));
      await fleet.pass(2_000);
      one.link.isCut = true;
      await fleet.pass(4_000);
      one.link.isCut = false;
      const appends = one.link.calls.get('append') ?? 0;
      const code = codeOf(() => writer.append(undefined, '"stale"'));
      await fleet.pass(1_000);
      expect(await code).toBe('FENCED');
      expect(executor.fences).toMatchObject([{ code: 'FENCED' }]);
      expect(one.link.calls.get('append') ?? 0).toBe(appends);
      expect(await statusesOf(two, [taskId])).toEqual(['failed']);
    });
  });

  it('find a task whose holder has died although every index of running tasks was lost', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId } = await fleet.answered(started(one.store));
    const unread = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(2_000);
    fleet.kill(one);
    fleet.server.store!.state.running.clear();
    await fleet.pass(4_000);
    expect(reader.drain().frames.map(({ event }) => event)).toEqual(['failed']); // whoever follows a task looks itself
    await fleet.answered(two.store.sweep());
    await fleet.pass(1_000);
    expect(await statusesOf(two, [unread.taskId])).toEqual(['failed']);
    reader.close();
  });

  it('divide the tasks of a dead instance: each is ended once, whatever the number of survivors', async () => {
    const [dead, ...survivors] = Array.from({ length: 4 }, () => fleet.open());
    const tasks = await Promise.all(Array.from({ length: 350 }, () => started(dead!.store)));
    for (const { store } of survivors) await fleet.answered(started(store));
    await fleet.pass(2_000);
    const before = survivors.map(({ link }) => link.calls.get('claim') ?? 0);
    fleet.kill(dead!);
    await fleet.pass(3_500);
    const ended = await statusesOf(
      survivors[0]!,
      tasks.map(({ taskId }) => taskId),
    );
    expect(ended.filter((status) => status === 'failed')).toHaveLength(350);
    const claims = survivors.map(({ link }, n) => (link.calls.get('claim') ?? 0) - before[n]!);
    expect(claims.reduce((sum, count) => sum + count)).toBe(350);
  });

  it('take few shares at a time, however many instances have died at once, and end every task', async () => {
    const dead = Array.from({ length: 30 }, () => fleet.open());
    const tasks = await Promise.all(dead.map(({ store }) => fleet.answered(started(store))));
    const survivor = fleet.open();
    await fleet.answered(started(survivor.store));
    await fleet.pass(2_000);
    const divide = survivor.driver.divide.bind(survivor.driver);
    let [taking, most] = [0, 0];
    jest.spyOn(survivor.driver, 'divide').mockImplementation(async (...args) => {
      most = Math.max(most, ++taking);
      await new Promise<void>((resolve) => fleet.clock.after(50, resolve));
      taking--;
      return divide(...args);
    });
    for (const instance of dead) fleet.kill(instance);
    await fleet.pass(6_000);
    const ended = await statusesOf(
      survivor,
      tasks.map(({ taskId }) => taskId),
    );
    expect(new Set(ended)).toEqual(new Set(['failed']));
    expect(most).toBe(4);
  });

  it('end a task whose holder is struck off, and whose next keeper has died before it was settled', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const [lost, other] = [await fleet.answered(started(one.store)), await fleet.answered(started(two.store))];
    await fleet.pass(2_000);
    const { driver } = two;
    const [holder, keeper] = (await driver.look([lost.taskId, other.taskId])).map((state) => state!.holder!);
    fleet.kill(one);
    fleet.kill(two);
    expect(await driver.divide(holder!, keeper!, 1)).toEqual([lost.taskId]);
    await driver.removeInstance(holder!, undefined);
    const three = fleet.open();
    await fleet.pass(8_000);
    expect(await statusesOf(three, [lost.taskId, other.taskId])).toEqual(['failed', 'failed']);
  });

  describe('that run lost tasks again', () => {
    const restarting = { onLost: 'restart', maxAttempts: 2, orphanDeadlineMs: 20_000 } as const;

    it('wait for the back-off, and end the task after maxAttempts', async () => {
      const ran: TaskRecord[] = [];
      const watcher = fleet.open({ ...restarting });
      const victims = [1, 2].map(() => fleet.open({ ...restarting }));
      const { taskId } = await fleet.answered(started(victims[0]!.store));
      await fleet.pass(2_000);
      fleet.kill(victims[0]!);
      await fleet.pass(1_500);
      expect(await fleet.answered(victims[1]!.store.claim(taskId, false))).toHaveProperty('laterMs');
      await fleet.pass(3_000);
      const takeover = await fleet.answered(victims[1]!.store.claim(taskId, false));
      expect(takeover).toMatchObject({ writer: { record: { attempt: 2 } } });
      fleet.kill(victims[1]!);
      await fleet.pass(4_000);
      const record = await recordOf(watcher.store, { taskId });
      expect(record).toMatchObject({ status: 'failed', attempt: 2 });
      expect(record.outcome).toContain('TASK_LOST');
      expect(ran).toEqual([]);
    });

    it('end in one sweep all that nobody has run in time, also behind many that only a newer version can end', async () => {
      const one = fleet.open({ ...restarting });
      await fleet.answered(started(one.store));
      for (let n = 0; n < 150; n++) {
        const newer = draft();
        fleet.server.store!.create({ ...newer, schema: 99, createdAtMs: 0 } as never, 'newer');
        await one.driver.orphan(newer.taskId, { token: 1, holder: 'newer' }, 0);
      }
      await fleet.pass(100);
      const tasks = await Promise.all(Array.from({ length: 250 }, () => fleet.answered(started(one.store))));
      await Promise.all(tasks.map(({ writer }) => fleet.answered(writer.release())));
      await fleet.pass(restarting.orphanDeadlineMs + 1_000);
      await fleet.answered(one.store.sweep());
      const statuses = await statusesOf(
        one,
        tasks.map(({ taskId }) => taskId),
      );
      expect(new Set(statuses)).toEqual(new Set(['failed']));
    });

    it('do not count the runs that a stopping instance handed over', async () => {
      const [one, two] = [fleet.open({ ...restarting }), fleet.open({ ...restarting })];
      const { taskId, writer } = await fleet.answered(started(one.store));
      await fleet.answered(writer.release());
      for (const { store } of [two, one, two]) {
        const takeover = await fleet.answered(store.claim(taskId, false));
        if (takeover === undefined || 'laterMs' in takeover) throw new Error('It is not handed over');
        await fleet.answered(takeover.writer.release());
      }
      const victim = fleet.open({ ...restarting });
      const lost = await fleet.answered(victim.store.claim(taskId, false));
      expect(lost).toMatchObject({ writer: { record: { attempt: 5 } } });
      await fleet.pass(2_000);
      fleet.kill(victim);
      await fleet.pass(8_000);
      expect(await fleet.answered(one.store.claim(taskId, false))).toMatchObject({
        writer: { record: { attempt: 6 } },
      });
    });

    it('end a lost task that nobody runs in time', async () => {
      const one = fleet.open({ ...restarting });
      const { taskId, writer } = await fleet.answered(started(one.store));
      await fleet.answered(writer.release());
      await fleet.pass(19_000);
      await fleet.answered(one.store.sweep());
      expect(await statusesOf(one, [taskId])).toEqual(['running']);
      await fleet.pass(2_000);
      await fleet.answered(one.store.sweep());
      expect(await recordOf(one.store, { taskId })).toMatchObject({ status: 'failed' });
    });

    it('offer a lost task, with its input, to instances that have its handler and room for it', async () => {
      const offered: string[] = [];
      const runner = (handlers: string[], room: number) => ({
        ...{ handlers, room },
        run: async ({ taskId }: TaskRecord) => void offered.push(taskId),
      });
      const one = fleet.open({ ...restarting });
      fleet.open({ ...restarting, orphanRunner: runner(['name:other'], 10) });
      fleet.open({ ...restarting, orphanRunner: runner(['name:test'], 0) });
      const { taskId, writer } = await fleet.answered(started(one.store, { input: '{"row":7}' }));
      await fleet.answered(writer.release());
      await fleet.pass(3_000);
      expect(offered).toEqual([]);
      const taker = fleet.open({ ...restarting, orphanRunner: runner(['name:test'], 1) });
      await fleet.pass(1_500);
      expect(offered).toContain(taskId);
      expect(await fleet.answered(taker.store.claim(taskId, false))).toMatchObject({ input: '{"row":7}' });
    });
  });
});
