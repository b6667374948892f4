/** Tests that at most one task of an owner runs in a slot. */
import type { OpenTaskStore, TaskRecord } from '../../core/ports.js';
import { supersede } from '../../core/engine/slots.js';
import { draft, RecordingExecutor } from '../store-fixtures.js';
import { expect } from '../expect.js';
import type { StoreSuite } from './opened-store.js';
import { claimedBy, finished, recordOf, started, TTL_MS, type StartedTask } from './steps.js';

const SLOT = 'chat 7';
const OWNER = 'ann';
const HERE = { slot: SLOT, owner: OWNER };

/** Adds these tests to the suite. */
export function describeStoreSlots({ describe, it, open }: StoreSuite): void {
  describe('a slot', () => {
    it('takes one of a hundred concurrent starts, and shows that one to all others', async () => {
      const { store, peer } = await open();
      const creations = await Promise.all(
        Array.from({ length: 100 }, async (_, n) => (n % 2 ? peer : store).create(draft(HERE))),
      );
      const [winner, ...others] = creations.flatMap((creation) => (creation.created ? [creation.writer] : []));
      expect(others).toEqual([]);
      const { taskId } = winner!.record;
      for (const creation of creations) {
        if (!creation.created) expect(creation).toMatchObject({ taken: 'slot', record: { taskId } });
      }
      for (const instance of [store, peer]) expect((await recordOf(instance, HERE)).taskId).toBe(taskId);
      expect(await store.list({ owner: OWNER, limit: 200 })).toHaveLength(1);
    });

    it('belongs to an owner, those without one included', async () => {
      const { store, peer } = await open();
      const owners = [undefined, '', 'undefined', 'ann', 'bob'];
      const ids = new Set<string>();
      for (const owner of owners) ids.add((await started(store, { slot: SLOT, owner })).taskId);
      expect(ids.size).toBe(owners.length);
      for (const owner of owners) expect(ids.has((await recordOf(peer, { slot: SLOT, owner })).taskId)).toBe(true);
      expect(await peer.find({ slot: SLOT, owner: 'nobody' })).toBeUndefined();
    });

    it('is free once the terminal event is in the log, on every instance', async () => {
      const { store, peer } = await open();
      for (const status of ['completed', 'failed', 'cancelled'] as const) {
        const { taskId, writer } = await started(store, HERE);
        await writer.append(undefined, '1');
        expect(await peer.create(draft(HERE))).toMatchObject({ created: false, taken: 'slot', record: { taskId } });
        await writer.finish(status, '{}');
        for (const instance of [store, peer]) expect(await instance.find(HERE)).toBeUndefined();
      }
    });

    it('stays with the task that runs there while one before it is cleaned up', async () => {
      const { store, peer, advance } = await open();
      const first = await finished(store, 3, HERE);
      const second = await started(peer, HERE);
      const isSecond = async (): Promise<void> => {
        for (const instance of [store, peer]) {
          expect((await recordOf(instance, HERE)).taskId).toBe(second.taskId);
          const refused = await instance.create(draft(HERE));
          expect(refused).toMatchObject({ created: false, taken: 'slot', record: { taskId: second.taskId } });
        }
      };
      await store.requestCancel(first.taskId, { code: 'TASK_CANCELLED', message: 'Stop' });
      await isSecond();
      await advance(TTL_MS);
      await second.writer.append(undefined, '1');
      await store.sweep();
      await peer.sweep();
      expect(await store.find({ taskId: first.taskId })).toMatchObject({ status: 'expired' });
      await isSecond();
    });

    it('is kept by a task that is given up, and by whoever claims it', async () => {
      const { store, peer } = await open();
      const { taskId, writer } = await started(store, HERE);
      const isTaken = async (): Promise<void> => {
        for (const instance of [store, peer]) {
          expect((await recordOf(instance, HERE)).taskId).toBe(taskId);
          expect(await instance.create(draft(HERE))).toMatchObject({ created: false, taken: 'slot' });
        }
      };
      await writer.release();
      await isTaken();
      const claimed = await claimedBy(peer, taskId);
      expect(claimed.record).toMatchObject({ slot: SLOT, attempt: 2 });
      await isTaken();
      await claimed.finish('completed', '{}');
      expect(await store.find(HERE)).toBeUndefined();
      await started(store, HERE);
    });

    it('passes from task to task under concurrent interrupts: each has its end before the next one begins', async () => {
      const { store, peer } = await open();
      const runs: StartedTask[] = [];
      const interrupt = async (instance: OpenTaskStore): Promise<void> => {
        for (;;) {
          const asked = draft(HERE);
          const creation = await instance.create(asked);
          if (!creation.created) {
            await supersede(instance, creation.record);

            continue;
          }

          const before = runs.at(-1);
          if (before !== undefined) expect(await endOf(instance, before.taskId)).toMatchObject(CANCELLED);
          runs.push(endsWhenCancelled(creation.writer, asked));
          await creation.writer.append(undefined, '1');
          return;
        }
      };
      await Promise.all([interrupt(store), interrupt(peer), interrupt(store), interrupt(peer)]);
      expect(runs).toHaveLength(4);
      const ends = await Promise.all(runs.map(async ({ taskId }) => (await endOf(peer, taskId)).status));
      expect(ends).toEqual(['cancelled', 'cancelled', 'cancelled', 'running']);
      expect((await recordOf(store, HERE)).taskId).toBe(runs.at(-1)!.taskId);
    });
  });
}

const CANCELLED = { status: 'cancelled', outcome: '{}' };

const endOf = async (store: OpenTaskStore, taskId: string): Promise<TaskRecord> => recordOf(store, { taskId });

function endsWhenCancelled(writer: StartedTask['writer'], asked: StartedTask['draft']): StartedTask {
  const executor = new RecordingExecutor();
  writer.begin(executor);
  void executor.until(({ cancels }) => cancels.length > 0).then(() => writer.finish('cancelled', '{}'));
  return { draft: asked, taskId: asked.taskId, writer, executor };
}
