/** Tests that the fencing token goes to one claimant at a time. */
import type { SnapshotPast } from '../../core/ports.js';
import { expect } from '../expect.js';
import { codeOf, RecordingExecutor } from '../store-fixtures.js';
import type { StoreSuite } from './opened-store.js';
import { claimedBy, eventually, finished, reading, recordOf, started, taken } from './steps.js';

export function describeStoreTakeover({ describe, it, open }: StoreSuite): void {
  describe('the fencing token', () => {
    it('is claimed from nobody who holds it, and for no task that has ended', async () => {
      const { store, peer } = await open();
      const running = await started(store);
      const ended = await finished(store);
      for (const instance of [store, peer]) {
        expect(await instance.claim(running.taskId, false)).toBeUndefined();
        expect(await instance.claim(ended.taskId, false)).toBeUndefined();
      }
      await running.writer.append(undefined, '1');
      expect(await recordOf(store, { taskId: running.taskId })).toMatchObject({ attempt: 1, lastSeq: 1 });
    });

    it('refuses the old writer, lets the new one go on with the next seq, and keeps the progress', async () => {
      const { store, peer } = await open();
      const { taskId, writer: old } = await started(store);
      await old.append(undefined, '{"step":1}');
      await old.release();
      const claimed = await claimedBy(peer, taskId);
      expect(claimed.record).toMatchObject({
        taskId,
        attempt: 2,
        progress: '{"step":1}',
        status: 'running',
        lastSeq: 1,
      });

      await claimed.append(undefined, '{"step":2}');
      expect(await codeOf(async () => old.append(undefined, '"stale"'))).toBe('FENCED');
      expect(await codeOf(async () => old.finish('failed', '"stale"'))).toBe('FENCED');
      await claimed.finish('completed', '{}');
      expect(await codeOf(async () => old.append(undefined, '"stale"'))).toBe('FENCED');
      expect(await codeOf(async () => old.finish('completed', '"stale"'))).toBe('FENCED');

      const reader = await (await reading(store, taskId)).untilFinished();
      expect(reader.frames).toEqual([
        { seq: 1, event: undefined, data: '{"step":1}' },
        { seq: 2, event: undefined, data: '{"step":2}' },
        { seq: 3, event: 'complete', data: '{}' },
      ]);
      expect(await recordOf(store, { taskId })).toMatchObject({ attempt: 2, status: 'completed', lastSeq: 3 });
      reader.close();
    });

    it('goes to one of many who claim it at the same time', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store);
      await writer.release();
      const claims = await Promise.all(
        Array.from({ length: 10 }, async (_, n) => (n % 2 ? peer : store).claim(taskId, false)),
      );
      expect(claims.filter((claim) => claim !== undefined && 'writer' in claim)).toHaveLength(1);
      expect((await recordOf(store, { taskId })).attempt).toBe(2);
    });

    it('can be handed on again and again, each time with the next attempt', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store);
      const writers = [writer];
      for (let attempt = 2; attempt <= 4; attempt++) {
        await writers.at(-1)!.release();
        const next = await claimedBy(attempt % 2 ? store : peer, taskId);
        await next.append(undefined, String(attempt));
        expect(next.record).toMatchObject({ attempt, lastSeq: attempt - 1 });
        writers.push(next);
      }
      for (const old of writers.slice(0, -1)) {
        expect(await codeOf(async () => old.append(undefined, '"stale"'))).toBe('FENCED');
      }
      expect((await recordOf(store, { taskId })).lastSeq).toBe(3);
    });

    it('hands on the state as it was stored and all progress since, and takes it from the next', async () => {
      const { store, peer } = await open();
      const first = new SumFold();
      const { taskId, writer } = await started(store, { snapshot: () => first.toJson() });
      for (const n of [1, 2, 3]) {
        const committed = writer.append(undefined, String(n));
        first.sum += n;
        await committed;
      }
      await writer.append('row', '"no progress"');
      await writer.release();
      const next = new SumFold();
      const { writer: claimed, past } = await taken(peer, taskId, true);
      next.resume(past);
      claimed.begin(new RecordingExecutor(() => next.toJson()));
      expect(next.sum).toBe(6);
      const committed = claimed.append(undefined, '4');
      next.sum += 4;
      await committed;
      for (const instance of [store, peer]) {
        const reader = await reading(instance, taskId, { snapshot: true });
        await eventually(() => reader.subscription.feed.snapshot()?.seq === 5);
        expect(reader.subscription.feed.snapshot()).toEqual({ seq: 5, json: '10' });
        reader.close();
      }
    });

    it('takes the requests to cancel along', async () => {
      const { store, peer } = await open();
      const { taskId, writer, executor: old } = await started(store);
      await writer.release();
      const next = new RecordingExecutor();
      await claimedBy(peer, taskId, next);
      expect(await store.requestCancel(taskId, { code: 'TASK_CANCELLED', message: 'Stop' })).toBe(true);
      await next.until(({ cancels }) => cancels.length > 0);
      expect(old.cancels).toEqual([]);
    });
  });
}

/** The sum of all progress. */
class SumFold {
  sum = 0;

  toJson(): string {
    return String(this.sum);
  }

  resume(past: SnapshotPast | undefined): void {
    const numbers = [past?.state ?? '0', ...past!.progress];
    this.sum = numbers.reduce((sum, json) => sum + Number(json), 0);
  }
}
