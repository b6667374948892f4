/** Tests how long a store keeps finished tasks, and what is left after that. */
import { expect } from '../expect.js';
import { codeOf, draft } from '../store-fixtures.js';
import { eventually, finished, reading, recordOf, started, TTL_MS } from './steps.js';
import type { StoreSuite } from './opened-store.js';

export function describeStoreRetention({ describe, it, open }: StoreSuite): void {
  describe('retention', () => {
    it('keeps a finished task readable for its whole time', async () => {
      const { store, peer, advance } = await open();
      const { taskId } = await finished(store, 2);
      const { endedAtMs, expiresAtMs } = await recordOf(store, { taskId });
      expect(expiresAtMs! - endedAtMs!).toBeGreaterThanOrEqual(TTL_MS);
      await advance(TTL_MS * 0.9);
      await store.sweep();
      expect(await recordOf(peer, { taskId })).toMatchObject({ status: 'completed', outcome: '{"done":true}' });
      const reader = await (await reading(peer, taskId)).untilFinished();
      expect(reader.seqs).toEqual([1, 2, 3]);
      reader.close();
    });

    it('leaves a tombstone with the owner, under both names, then nothing', async () => {
      const { store, peer, advance } = await open();
      const { taskId, draft: asked } = await finished(store, 2, { owner: 'ann' });
      await advance(TTL_MS);
      await store.sweep();
      for (const ref of [{ taskId }, { resumeKey: asked.resumeKey }]) {
        expect(await peer.find(ref)).toMatchObject({ status: 'expired', owner: 'ann' });
      }
      expect(await store.open(taskId)).toBeUndefined();
      expect(await store.list({ limit: 10 })).toEqual([]);
      expect(await store.departedAt(taskId, 'ann')).toBeUndefined();
      expect(await store.requestCancel(taskId, { code: 'TASK_CANCELLED', message: 'Stop' })).toBe(false);
      await advance(TTL_MS);
      await store.sweep();
      for (const ref of [{ taskId }, { resumeKey: asked.resumeKey }]) expect(await peer.find(ref)).toBeUndefined();
    });

    it('frees the idempotency key', async () => {
      const { store, advance } = await open();
      const { taskId } = await finished(store, 1, { owner: 'ann', idempotencyKey: 'once' });
      await advance(TTL_MS);
      await store.sweep();
      expect(await store.find({ idempotencyKey: 'once', owner: 'ann' })).toBeUndefined();
      const again = await store.create(draft({ owner: 'ann', idempotencyKey: 'once' }));
      expect(again.created).toBe(true);
      expect((await recordOf(store, { owner: 'ann', idempotencyKey: 'once' })).taskId).not.toBe(taskId);
    });

    it('never takes a task that runs', async () => {
      const { store, advance } = await open();
      const { taskId, writer } = await started(store);
      await writer.append(undefined, '1');
      for (let n = 0; n < 3; n++) {
        await advance(TTL_MS);
        expect(await store.sweep()).toBe(true);
      }
      expect(await recordOf(store, { taskId })).toMatchObject({
        status: 'running',
        lastSeq: 1,
        expiresAtMs: undefined,
      });
      expect(await codeOf(async () => writer.append(undefined, '2'))).toBeUndefined();
    });

    it('takes what is due and leaves what is not', async () => {
      const { store, advance } = await open();
      const early = await finished(store, 1);
      await advance(TTL_MS / 2);
      const late = await finished(store, 1);
      await advance(TTL_MS / 2);
      await store.sweep();
      expect(await store.find({ taskId: early.taskId })).toMatchObject({ status: 'expired' });
      expect(await store.find({ taskId: late.taskId })).toMatchObject({ status: 'completed' });
    });

    it('ends what still follows the log', async () => {
      const { store, advance } = await open();
      const { taskId } = await finished(store, 5);
      const reader = await reading(store, taskId);
      await advance(TTL_MS);
      await store.sweep();
      await eventually(() => reader.subscription.discarded);
      expect(reader.drain().seqs).toEqual([]);
      expect(reader.subscription.finished).toBe(false);
      reader.close();
    });

    it('has something to sweep where a task ends in the middle of it', async () => {
      const { store } = await open();
      const { writer } = await started(store);
      const end = writer.finish('completed', '{}');
      expect(await store.sweep()).toBe(true);
      await end;
    });

    it('has something to sweep as long as anything is kept, and holds nothing in the end', async () => {
      const { store, advance } = await open();
      expect(await store.sweep()).toBe(false);
      const { writer } = await started(store);
      expect(await store.sweep()).toBe(true);
      await writer.append(undefined, '1');
      await writer.finish('completed', '{}');
      expect(await store.sweep()).toBe(true);
      await advance(TTL_MS);
      expect(await store.sweep()).toBe(true); // the tombstone
      await advance(TTL_MS);
      expect(await store.sweep()).toBe(false);
      expect(store.sizes()).toEqual({ finished: 0, tombstones: 0, bufferedBytes: 0 });
    });
  });
}
