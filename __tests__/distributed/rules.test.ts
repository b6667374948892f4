import type { TaskRecord } from '../../lib/core/ports.js';
import { TaskError } from '../../lib/index.js';
import { reading, recordOf, started } from '../contracts/store-steps.js';
import { codeOf, draft } from '../support/store-fixtures.js';
import { Fleet, turns, type FleetInstance } from './fleet.js';

const statuses = async ({ store }: FleetInstance, taskIds: readonly string[]): Promise<string[]> =>
  Promise.all(taskIds.map(async (taskId) => (await recordOf(store, { taskId })).status));

describe('Instances that share tasks', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = new Fleet();
  });

  afterEach(() => fleet.close());

  describe('judging each other', () => {
    it('end the tasks of one that has died within its lease and two seconds', async () => {
      const [one, two] = [fleet.open(), fleet.open()];
      const { taskId } = await fleet.answered(started(one.store));
      const reader = await fleet.answered(reading(two.store, taskId));
      await fleet.pass(2_000);
      fleet.kill(one);
      await fleet.pass(3_000);
      expect(await statuses(two, [taskId])).toEqual(['failed']);
      expect(reader.drain().frames.map(({ event }) => event)).toEqual(['failed']);
      reader.close();
    });

    it('bury nobody while the store refuses everybody’s beats, nor right after', async () => {
      const instances = [fleet.open(), fleet.open(), fleet.open()];
      const tasks = await Promise.all(instances.map(({ store }) => fleet.answered(started(store))));
      await fleet.pass(2_000);
      for (const { link } of instances) link.refusesWrites = true;
      await fleet.pass(5_000);
      for (const { link } of instances) link.refusesWrites = false;
      await fleet.pass(5_000);
      const taskIds = tasks.map(({ taskId }) => taskId);
      expect(await statuses(instances[0]!, taskIds)).toEqual(['running', 'running', 'running']);
      expect(tasks.flatMap(({ executor }) => executor.fences)).toEqual([]);
    });

    it('go by the lease of whom they judge, not by their own', async () => {
      const [slow, quick] = [fleet.open({ leaseMs: 8_000 }), fleet.open({ leaseMs: 500 })];
      const { taskId, executor } = await fleet.answered(started(slow.store));
      await fleet.answered(started(quick.store));
      await fleet.pass(2_000);
      slow.link.isCut = true;
      await fleet.pass(6_000);
      slow.link.isCut = false;
      await fleet.pass(4_000);
      expect(await statuses(quick, [taskId])).toEqual(['running']);
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
      expect([executor.fences, await statuses(two, [taskId])]).toEqual([[], ['running']]);
    });

    it('write nothing after a long silence of their own before they know what is still theirs', async () => {
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
      expect(await statuses(two, [taskId])).toEqual(['failed']);
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
    expect(await statuses(two, [unread.taskId])).toEqual(['failed']);
    reader.close();
  });

  it('divide what a dead one has left: each task is ended once, whatever the number of survivors', async () => {
    const [dead, ...survivors] = Array.from({ length: 4 }, () => fleet.open());
    const tasks = await Promise.all(Array.from({ length: 350 }, () => started(dead!.store)));
    for (const { store } of survivors) await fleet.answered(started(store));
    await fleet.pass(2_000);
    const before = survivors.map(({ link }) => link.calls.get('claim') ?? 0);
    fleet.kill(dead!);
    await fleet.pass(3_500);
    const ended = await statuses(
      survivors[0]!,
      tasks.map(({ taskId }) => taskId),
    );
    expect(ended.filter((status) => status === 'failed')).toHaveLength(350);
    const claims = survivors.map(({ link }, n) => (link.calls.get('claim') ?? 0) - before[n]!);
    expect(claims.reduce((sum, count) => sum + count)).toBe(350);
  });

  describe('running tasks again', () => {
    const restarting = { onLost: 'restart', maxAttempts: 2, orphanDeadlineMs: 20_000 } as const;

    it('wait for the back-off, and after maxAttempts end the task', async () => {
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

    it('end an orphan that nobody runs in time', async () => {
      const one = fleet.open({ ...restarting });
      const { taskId, writer } = await fleet.answered(started(one.store));
      await fleet.answered(writer.release());
      await fleet.pass(19_000);
      await fleet.answered(one.store.sweep());
      expect(await statuses(one, [taskId])).toEqual(['running']);
      await fleet.pass(2_000);
      await fleet.answered(one.store.sweep());
      expect(await recordOf(one.store, { taskId })).toMatchObject({ status: 'failed' });
    });

    it('offer an orphan to whoever has its handler and room for it, with its input', async () => {
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

  it('wait for no batch of a turn but their own: one that hangs holds up nobody else', async () => {
    const one = fleet.open({ timeoutMs: 300 });
    const tasks = await Promise.all([1, 2, 3].map(() => fleet.answered(started(one.store))));
    const append = one.driver.append.bind(one.driver);
    jest.spyOn(one.driver, 'append').mockImplementationOnce((batches) => {
      const fates = append(batches);
      return fates.map((fate, index) => (index === 1 ? new Promise(() => undefined) : fate));
    });
    const committed: number[] = [];
    tasks.forEach(({ writer }, index) => {
      void Promise.resolve(writer.append(undefined, '1')).then(() => committed.push(index));
    });
    await turns(4); // and no time
    expect(committed).toEqual([0, 2]);
    await fleet.pass(500);
    expect(committed).toEqual([0, 2, 1]); // the log was asked
  });

  it('count an audience by what each instance last said, whatever arrives late', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, writer, executor } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    await fleet.pass(200);
    const { state } = fleet.server.store!;
    const share = [...state.tasks.get(taskId)!.audience.values()].find(({ count }) => count === 1)!;
    fleet.server.store!.reportAudience([{ ...share, taskId, version: share.version - 1, count: 0, moves: [] }]);
    await fleet.pass(2_000);
    expect(executor.audiences.at(-1)).toBe(1);
    expect(await fleet.answered(writer.countSubscribers())).toBe(1);
    reader.close();
    await fleet.pass(200);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('count nobody whose instance has died', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, executor } = await fleet.answered(started(one.store));
    await fleet.answered(reading(two.store, taskId));
    await fleet.pass(2_000);
    expect(executor.audiences.at(-1)).toBe(1);
    fleet.kill(two);
    await fleet.pass(3_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('are quiet when nothing happens, however much they follow', async () => {
    const [one, two] = [fleet.open({ leaseMs: 10_000 }), fleet.open({ leaseMs: 10_000 })];
    const tasks = await Promise.all(Array.from({ length: 500 }, () => started(one.store)));
    const readers = await Promise.all(tasks.map(({ taskId }) => reading(two.store, taskId)));
    await fleet.pass(20_000);
    two.link.calls.clear();
    await fleet.pass(10_000);
    const calls = [...two.link.calls.values()].reduce((sum, count) => sum + count, 0);
    expect(calls).toBeLessThanOrEqual(50); // in ten seconds: beats, one look, one echo
    for (const reader of readers) reader.close();
  });

  it('read what a copy had to drop for want of memory from the store', async () => {
    const log = { maxEvents: 10_000, maxBytes: 262_144 };
    const [one, two] = [fleet.open({ log }), fleet.open({ log, maxBufferedBytes: 32_768 })];
    const { taskId, writer } = await fleet.answered(started(one.store));
    const text = JSON.stringify('x'.repeat(500));
    for (let n = 0; n < 200; n++) await fleet.answered(writer.append(undefined, text));
    const reader = await fleet.answered(reading(two.store, taskId));
    while (reader.subscription.position < 200) {
      reader.drain();
      await fleet.pass(50);
    }
    expect(reader.others).toEqual([]);
    expect(reader.seqs).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    reader.close();
  });

  it('read what the holder before has written when they take a task over, even if the first try fails', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, writer } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    fleet.server.store!.onAppend = () => undefined; // every bell is lost
    await fleet.answered(writer.append(undefined, '"before"'));
    await fleet.answered(writer.release());
    const readAfter = jest.spyOn(two.driver, 'readAfter').mockRejectedValue(new Error('The store is away'));
    await fleet.answered(two.store.claim(taskId, false));
    await fleet.pass(200);
    readAfter.mockRestore();
    const late = await fleet.answered(reading(two.store, taskId));
    expect(late.drain().seqs).toEqual([1]);
    await fleet.pass(2_000);
    expect(reader.drain().seqs).toEqual([1]);
    for (const each of [reader, late]) each.close();
  });

  describe('of different versions', () => {
    it('refuse by name what a newer one has written, and serve the rest', async () => {
      const one = fleet.open();
      const { taskId } = await fleet.answered(started(one.store));
      const newer = draft();
      fleet.server.store!.create({ ...newer, schema: 99, createdAtMs: 0 } as never, 'newer');
      const refused = await Promise.resolve(one.store.find({ taskId: newer.taskId })).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(TaskError);
      expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('newer version') });
      expect(await statuses(one, [taskId])).toEqual(['running']);
    });
  });
});
