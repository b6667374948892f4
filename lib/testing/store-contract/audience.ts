/** Tests cancels, the count of subscribers, and where they left off. */
import { expect } from '../expect.js';
import { eventually, finished, reading, recordOf, started } from './steps.js';
import { draft, RecordingExecutor } from '../store-fixtures.js';
import type { StoreSuite } from './opened-store.js';

const STOP = { code: 'TASK_CANCELLED', message: 'Stop' };

export function describeStoreAudience({ describe, it, open }: StoreSuite): void {
  describe('asking to cancel', () => {
    it('reaches whoever runs the task, from every instance', async () => {
      const { store, peer } = await open();
      for (const instance of [store, peer]) {
        const { taskId, executor } = await started(store);
        expect(await instance.requestCancel(taskId, STOP)).toBe(true);
        await executor.until(({ cancels }) => cancels.length === 1);
        expect(executor.cancels).toEqual([STOP]);
      }
    });

    it('reaches a task that is cancelled before it has begun', async () => {
      const { store, peer } = await open();
      for (const instance of [store, peer]) {
        const asked = draft();
        const creation = await store.create(asked);
        expect(await instance.requestCancel(asked.taskId, STOP)).toBe(true);
        const executor = new RecordingExecutor();
        if (creation.created) creation.writer.begin(executor);
        await executor.until(({ cancels }) => cancels.length === 1);
        expect(executor.cancels).toEqual([STOP]);
      }
    });

    it('leaves the end to the executor', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      await store.requestCancel(taskId, STOP);
      expect((await recordOf(store, { taskId })).status).toBe('running');
      await writer.finish('cancelled', '{}');
      expect((await recordOf(store, { taskId })).status).toBe('cancelled');
    });

    it('is refused after the end, and reaches nobody', async () => {
      const { store, peer } = await open();
      const { taskId, executor } = await finished(store, 1);
      for (const instance of [store, peer]) expect(await instance.requestCancel(taskId, STOP)).toBe(false);
      expect(executor.cancels).toEqual([]);
    });

    it('reaches no other task', async () => {
      const { store } = await open();
      const one = await started(store);
      const other = await started(store);
      await store.requestCancel(one.taskId, STOP);
      await one.executor.until(({ cancels }) => cancels.length === 1);
      expect(other.executor.cancels).toEqual([]);
    });
  });

  describe('the audience', () => {
    it('is counted on all instances, and the executor hears of it', async () => {
      const { store, peer } = await open();
      const { taskId, executor } = await started(store);
      const first = await reading(store, taskId);
      await executor.until(({ audiences }) => audiences.at(-1) === 1);
      const second = await reading(peer, taskId);
      await executor.until(({ audiences }) => audiences.at(-1) === 2);
      expect((await recordOf(peer, { taskId })).subscribers).toBe(2);
      first.close();
      await executor.until(({ audiences }) => audiences.at(-1) === 1);
      second.close();
      await executor.until(({ audiences }) => audiences.at(-1) === 0);
      expect((await recordOf(store, { taskId })).subscribers).toBe(0);
    });

    it('counts a subscriber that closes twice once', async () => {
      const { store } = await open();
      const { taskId } = await started(store);
      const [one, other] = [await reading(store, taskId), await reading(store, taskId)];
      one.close();
      one.close();
      await eventually(async () => (await recordOf(store, { taskId })).subscribers === 1);
      other.close();
      await eventually(async () => (await recordOf(store, { taskId })).subscribers === 0);
    });
  });

  describe('where a subscriber left off', () => {
    it('is known once it has left, and not while it is attached', async () => {
      const { store, peer } = await open();
      const { taskId } = await finished(store, 9);
      expect(await store.departedAt(taskId, 'ann')).toBeUndefined();
      const reader = await reading(store, taskId, { position: 4 }, 'ann');
      expect(await peer.departedAt(taskId, 'ann')).toBeUndefined();
      await reader.untilFinished();
      reader.close();
      await eventually(async () => (await peer.departedAt(taskId, 'ann')) === 10);
      expect(await peer.departedAt(taskId, 'bob')).toBeUndefined();

      const again = await reading(peer, taskId, { position: 10 }, 'ann');
      await eventually(async () => (await store.departedAt(taskId, 'ann')) === undefined);
      again.close();
    });

    it('is where it started when it has read nothing', async () => {
      const { store } = await open();
      const { taskId } = await finished(store, 9);
      (await reading(store, taskId, { position: 4 }, 'ann')).close();
      await eventually(async () => (await store.departedAt(taskId, 'ann')) === 4);
    });

    it('is not known before the last of those who share an id has left', async () => {
      const { store } = await open();
      const { taskId, writer } = await started(store);
      await writer.append(undefined, '1');
      const one = await (await reading(store, taskId, {}, 'shared')).until(1);
      const other = await (await reading(store, taskId, {}, 'shared')).until(1);
      one.close();
      expect(await store.departedAt(taskId, 'shared')).toBeUndefined();
      await writer.append(undefined, '2');
      await other.until(2);
      other.close();
      await eventually(async () => (await store.departedAt(taskId, 'shared')) === 2);
    });

    it('is kept per task', async () => {
      const { store } = await open();
      const [one, other] = [await finished(store, 3), await finished(store, 3)];
      (await reading(store, one.taskId, { position: 2 }, 'ann')).close();
      await eventually(async () => (await store.departedAt(one.taskId, 'ann')) === 2);
      expect(await store.departedAt(other.taskId, 'ann')).toBeUndefined();
    });

    it('is kept for nobody without an id', async () => {
      const { store } = await open();
      const { taskId } = await finished(store, 3);
      (await reading(store, taskId, { position: 2 })).close();
      for (const name of ['undefined', 'null', '']) expect(await store.departedAt(taskId, name)).toBeUndefined();
    });
  });
}
