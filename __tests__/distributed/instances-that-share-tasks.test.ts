import type { Entry } from '../../lib/distributed/port/stored.js';
import { TaskError } from '../../lib/index.js';
import { reading, started } from '../contracts/store-steps.js';
import { draft } from '../support/stores/store-fixtures.js';
import { statusesOf, turns, useFleet } from './fleet.js';

describe('Instances that share tasks', () => {
  const fleet = useFleet();

  it('wait for their own batch only: one that hangs holds up nobody else', async () => {
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

  it('count subscribers by the newest report of each instance, whatever arrives late', async () => {
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

  it('do not count the subscribers of an instance that has died', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, executor } = await fleet.answered(started(one.store));
    await fleet.answered(reading(two.store, taskId));
    await fleet.pass(2_000);
    expect(executor.audiences.at(-1)).toBe(1);
    fleet.kill(two);
    await fleet.pass(3_000);
    expect(executor.audiences.at(-1)).toBe(0);
  });

  it('hardly ask the store while nothing happens, however many tasks they follow', async () => {
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

  it('read events from the store that a copy had to drop for want of memory', async () => {
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

  it('read everything that the previous holder wrote when they take a task over, even if the first try fails', async () => {
    const [one, two] = [fleet.open(), fleet.open()];
    const { taskId, writer } = await fleet.answered(started(one.store));
    const reader = await fleet.answered(reading(two.store, taskId));
    fleet.server.store!.onAppend = () => undefined; // every notification is lost
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
    it('refuse a task that a newer version has written, by name, and serve the rest', async () => {
      const one = fleet.open();
      const { taskId } = await fleet.answered(started(one.store));
      const newer = draft();
      fleet.server.store!.create({ ...newer, schema: 99, createdAtMs: 0 } as never, 'newer');
      const refused = await Promise.resolve(one.store.find({ taskId: newer.taskId })).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(TaskError);
      expect(refused).toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringContaining('newer version') });
      expect(await statusesOf(one, [taskId])).toEqual(['running']);
    });

    it('list what they can read, and end, renew and forget it, whatever a newer version has left behind', async () => {
      const ttlMs = 4_000;
      const one = fleet.open({ onLost: 'restart', orphanDeadlineMs: 2_000, ttlMs });
      const [{ taskId, writer }, ended] = [
        await fleet.answered(started(one.store)),
        await fleet.answered(started(one.store)),
      ];
      const newer = draft();
      fleet.server.store!.create({ ...newer, schema: 99, createdAtMs: 0 } as never, 'newer');
      await one.driver.orphan(newer.taskId, { token: 1, holder: 'newer' }, 0);
      await fleet.answered(writer.release());
      await fleet.answered(ended.writer.finish('completed', '{}'));
      const reindex = jest.spyOn(one.driver, 'reindex');
      await fleet.pass(ttlMs + 1_000);
      await fleet.answered(one.store.sweep());
      expect(await statusesOf(one, [taskId])).toEqual(['failed']);
      expect(await fleet.answered(one.store.list({ limit: 9 }))).toMatchObject([{ taskId }]);
      expect(reindex.mock.calls.flatMap(([, taskIds]) => taskIds)).not.toContain(newer.taskId);
      const cancelling = fleet.answered(
        one.store.requestCancel(newer.taskId, { code: 'TASK_CANCELLED', message: 'no' }),
      );
      await expect(cancelling).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });

    it('cut off readers of a task that a newer version goes on with, and refuse them by name when they come back', async () => {
      const one = fleet.open();
      const { taskId, writer } = await fleet.answered(started(one.store));
      const two = fleet.open();
      const reader = await fleet.answered(reading(two.store, taskId));
      const append = one.driver.append.bind(one.driver);
      jest.spyOn(one.driver, 'append').mockImplementation((batches) => {
        const newer = (entry: Entry): Entry => ({ ...entry, schema: 99 });
        return append(batches.map((batch) => ({ ...batch, entries: batch.entries.map(newer) })));
      });
      await fleet.answered(writer.append(undefined, '1'));
      await fleet.pass(500);
      expect(reader.subscription.feed.log.discarded).toBe(true);
      await expect(fleet.answered(two.store.open(taskId))).rejects.toThrow('newer version');
    });
  });
});
