/** Tests that readers get every event once and in order, or are told what is missing. */
import { expect } from '../expect.js';
import { eventually, finished, reading, recordOf, started } from './steps.js';
import type { StoreSuite } from './opened-store.js';

/** A log that holds a few of many events. */
const SMALL_LOG = { maxEvents: 16, maxBytes: 65_536 };

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

export function describeStoreReading({ describe, it, open }: StoreSuite): void {
  describe('following', () => {
    it('gives every position exactly the rest', async () => {
      const { store, peer } = await open();
      const { taskId } = await finished(store, 40);
      for (let position = 0; position <= 41; position++) {
        const reader = await (await reading(position % 2 ? peer : store, taskId, { position })).untilFinished();
        expect(reader.seqs).toEqual(range(position + 1, 41));
        expect(reader.others).toEqual([]);
        reader.close();
      }
    });

    it('wakes every follower, on every instance, after an append', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store);
      const readers = [await reading(store, taskId), await reading(peer, taskId), await reading(peer, taskId)];
      for (let seq = 1; seq <= 5; seq++) {
        const come = readers.map(async (reader) => reader.until(seq));
        await writer.append(undefined, String(seq));
        await Promise.all(come);
      }
      const ends = readers.map(async (reader) => reader.untilFinished());
      await writer.finish('completed', '{}');
      await Promise.all(ends);
      for (const reader of readers) {
        expect(reader.seqs).toEqual(range(1, 6));
        reader.close();
      }
    });

    it('joins what was kept and what comes without losing or repeating anything', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store);
      const readers = [];
      for (let n = 1; n <= 100; n++) {
        const commit = writer.append(undefined, String(n));
        if (n % 10 === 0) readers.push(await reading(n % 20 ? peer : store, taskId, { position: n / 2 }));
        await commit;
      }
      await writer.finish('completed', '{}');
      for (const [index, reader] of readers.entries()) {
        await reader.untilFinished();
        expect(reader.seqs).toEqual(range((index + 1) * 5 + 1, 101));
        reader.close();
      }
    });

    it('shows no event to anybody before it is committed', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      const reader = await reading(store, taskId);
      for (let seq = 1; seq <= 20; seq++) {
        const commit = writer.append(undefined, String(seq));
        await reader.until(seq);
        expect((await recordOf(store, { taskId })).lastSeq).toBeGreaterThanOrEqual(seq);
        await commit;
      }
      reader.close();
    });

    it('tells a reader that is ahead of the log so, and goes on from its head', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      await writer.append(undefined, '1');
      await (await reading(store, taskId)).until(1);
      const reader = (await reading(store, taskId, { position: 50 })).drain();
      expect(reader.others).toEqual([{ kind: 'gap', from: 2, to: 50, reason: 'ahead', position: 1 }]);
      await writer.append(undefined, '2');
      await reader.until(2);
      expect(reader.seqs).toEqual([2]);
      reader.close();
    });
  });

  describe('trimming', () => {
    it('says what is missing, then gives all that is kept', async () => {
      const { store, peer } = await open({ log: SMALL_LOG });
      const { taskId } = await finished(store, 200);
      const { firstKeptSeq, lastSeq, bufferedEvents } = await recordOf(peer, { taskId });
      expect(lastSeq).toBe(201);
      expect(bufferedEvents).toBe(lastSeq - firstKeptSeq + 1);
      expect(bufferedEvents).toBeLessThanOrEqual(SMALL_LOG.maxEvents);
      expect(bufferedEvents).toBeGreaterThanOrEqual((SMALL_LOG.maxEvents * 7) / 8);
      for (const position of [0, 1, firstKeptSeq - 2]) {
        const reader = await (await reading(peer, taskId, { position })).untilFinished();
        expect(reader.others).toEqual([
          { kind: 'gap', from: position + 1, to: firstKeptSeq - 1, reason: 'trimmed', position: firstKeptSeq - 1 },
        ]);
        expect(reader.seqs).toEqual(range(firstKeptSeq, 201));
        reader.close();
      }
      const exact = await (await reading(peer, taskId, { position: firstKeptSeq - 1 })).untilFinished();
      expect(exact.others).toEqual([]);
      exact.close();
    });

    it('keeps within the bytes as well', async () => {
      const { store } = await open({ log: { maxEvents: 10_000, maxBytes: 8_192 } });
      const { taskId, writer } = await started(store);
      for (let n = 1; n <= 100; n++) {
        await writer.append(undefined, JSON.stringify('x'.repeat(500)));
        expect((await recordOf(store, { taskId })).bufferedBytes).toBeLessThanOrEqual(8_192);
      }
    });

    it('keeps the last progress and the outcome whole', async () => {
      const { store, peer } = await open({ log: SMALL_LOG });
      const { taskId, writer } = await started(store);
      await writer.append(undefined, '"the last progress"');
      for (let n = 0; n < 100; n++) await writer.append('token', '"t"');
      await writer.finish('failed', '"why"');
      const record = await recordOf(peer, { taskId });
      expect(record.firstKeptSeq).toBeGreaterThan(1);
      expect(record).toMatchObject({ progress: '"the last progress"', outcome: '"why"' });
    });

    it('tells a reader that fell behind while it was attached as well', async () => {
      const { store } = await open({ log: SMALL_LOG });
      const { taskId, writer } = await started(store);
      const reader = await reading(store, taskId);
      await writer.append(undefined, '1');
      await reader.until(1);
      for (let n = 2; n <= 100; n++) await writer.append(undefined, String(n));
      await eventually(async () => (await recordOf(store, { taskId })).lastSeq === 100);
      await reader.until(100);
      const [gap, ...more] = reader.others;
      expect(more).toEqual([]);
      expect(gap).toMatchObject({ kind: 'gap', from: 2, reason: 'trimmed' });
      expect(reader.seqs).toEqual([1, ...range((gap as { to: number }).to + 1, 100)]);
      reader.close();
    });
  });

  describe('snapshots', () => {
    it('have none where the task was created without', async () => {
      const { store } = await open();
      const { taskId } = await finished(store, 3);
      expect((await store.open(taskId))!.snapshot()).toBeUndefined();
    });

    it('stand for all events up to their seq, before and after the end', async () => {
      const { store } = await open();
      let state = 0;
      const { taskId, writer } = await started(store, { snapshot: () => JSON.stringify({ state }) });
      const feed = (await store.open(taskId))!;
      for (const n of [1, 2, 3]) {
        await writer.append(undefined, String(n));
        state += n;
      }
      expect(feed.snapshot()).toEqual({ seq: 3, json: '{"state":6}' });
      await writer.finish('completed', '{}');
      expect(feed.snapshot()).toEqual({ seq: 3, json: '{"state":6}' });
      const reader = await (await reading(store, taskId, { snapshot: true })).untilFinished();
      expect(reader.others).toEqual([{ kind: 'snapshot', after: 0, seq: 3, json: '{"state":6}' }]);
      expect(reader.seqs).toEqual([4]);
      reader.close();
    });
  });
}
