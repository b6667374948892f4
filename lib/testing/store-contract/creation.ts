/** Tests how a store creates, finds and lists tasks. */
import { expect } from '../expect.js';
import type { TaskDraft, OpenTaskStore } from '../../core/ports.js';
import { codeOf, draft } from '../store-fixtures.js';
import { eventually, finished, recordOf, started } from './steps.js';
import type { StoreSuite } from './opened-store.js';

export function describeStoreCreation({ describe, it, open }: StoreSuite): void {
  describe('creating', () => {
    it('knows the task at once, under its id and its resume key, from every instance', async () => {
      const { store, peer } = await open();
      const { draft: asked, writer } = await started(store, { owner: 'ann', fingerprint: 'f' });
      expect(writer.record.taskId).toBe(asked.taskId);
      for (const ref of [{ taskId: asked.taskId }, { resumeKey: asked.resumeKey }]) {
        expect(pick(await recordOf(peer, ref))).toEqual({
          taskId: asked.taskId,
          resumeKey: asked.resumeKey,
          owner: 'ann',
          fingerprint: 'f',
          status: 'running',
          attempt: 1,
          lastSeq: 0,
          firstKeptSeq: 1,
          bufferedEvents: 0,
          bufferedBytes: 0,
          subscribers: 0,
          endedAtMs: undefined,
          expiresAtMs: undefined,
          progress: undefined,
          outcome: undefined,
        });
      }
    });

    it('creates one task for fifty concurrent starts with one idempotency key', async () => {
      const { store, peer } = await open();
      const asked = Array.from({ length: 50 }, () => draft({ idempotencyKey: 'once', owner: 'ann' }));
      const creations = await Promise.all(asked.map(async (each, n) => (n % 2 ? peer : store).create(each)));
      const [created, ...others] = creations.filter((creation) => creation.created);
      expect(others).toEqual([]);
      const { taskId } = created!.writer.record;
      for (const creation of creations) {
        expect((creation.created ? creation.writer.record : creation.record).taskId).toBe(taskId);
      }
      expect(await store.list({ limit: 100 })).toHaveLength(1);
    });

    it('shows a repeated start the fingerprint of the first, whatever came with the second', async () => {
      const { store } = await open();
      await started(store, { idempotencyKey: 'once', fingerprint: 'first' });
      const again = await store.create(draft({ idempotencyKey: 'once', fingerprint: 'second' }));
      expect(again).toMatchObject({ created: false, record: { fingerprint: 'first' } });
    });

    it('finds the task of an idempotency key after its end as well', async () => {
      const { store } = await open();
      const { taskId } = await finished(store, 1, { idempotencyKey: 'once' });
      const again = await store.create(draft({ idempotencyKey: 'once' }));
      expect(again).toMatchObject({ created: false, record: { taskId, status: 'completed' } });
    });

    it('keeps the same idempotency key of different owners apart', async () => {
      const { store } = await open();
      const scopes: readonly [string | undefined, string][] = [
        [undefined, 'k'],
        ['', 'k'],
        ['undefined', 'k'],
        ['null', 'k'],
        ['a', 'b:c'],
        ['a:b', 'c'],
        ['a"', ',"b'],
        ['a', '",",b'],
        ['__proto__', 'constructor'],
      ];
      const ids = new Set<string>();
      for (const [owner, idempotencyKey] of scopes) {
        const { taskId } = await started(store, { owner, idempotencyKey });
        ids.add(taskId);
        expect((await recordOf(store, { owner, idempotencyKey })).taskId).toBe(taskId);
      }
      expect(ids.size).toBe(scopes.length);
    });

    it('creates a task for every start without an idempotency key', async () => {
      const { store } = await open();
      await started(store, { owner: 'ann' });
      await started(store, { owner: 'ann' });
      expect(await store.list({ limit: 10 })).toHaveLength(2);
    });

    it('refuses an owner more running tasks than allowed, and no other owner', async () => {
      const { store, peer } = await open({ maxTasksPerOwner: 2 });
      const [first] = [await started(store, { owner: 'ann' }), await started(peer, { owner: 'ann' })];
      for (const instance of [store, peer]) expect(await refusal(instance, 'ann')).toBe('TOO_MANY_TASKS');
      expect(await refusal(store, 'bob')).toBeUndefined();
      expect(await store.list({ owner: 'ann', limit: 10 })).toHaveLength(2);
      await first.writer.finish('completed', '{}');
      expect(await refusal(peer, 'ann')).toBeUndefined();
      expect(await refusal(store, 'ann')).toBe('TOO_MANY_TASKS');
    });

    it('holds the limit per owner under concurrent starts', async () => {
      const { store, peer } = await open({ maxTasksPerOwner: 3 });
      const codes = await Promise.all(Array.from({ length: 12 }, async (_, n) => refusal(n % 2 ? peer : store, 'ann')));
      expect(codes.filter((code) => code === undefined)).toHaveLength(3);
      expect(codes.filter((code) => code === 'TOO_MANY_TASKS')).toHaveLength(9);
    });

    it('refuses all of many concurrent starts with one key where their owner may start no more', async () => {
      const { store, peer } = await open({ maxTasksPerOwner: 1 });
      const { writer } = await started(peer, { owner: 'ann' });
      const again = { idempotencyKey: 'once', fingerprint: 'same' };
      const starts = (): Promise<unknown[]> =>
        Promise.all(Array.from({ length: 6 }, async (_, n) => refusal(n % 2 ? peer : store, 'ann', again)));
      expect(await starts()).toEqual(Array(6).fill('TOO_MANY_TASKS'));
      await writer.finish('completed', '{}');
      await eventually(async () => (await starts())[0] === undefined);
      expect(await starts()).toEqual(Array(6).fill(undefined)); // together they take the one place
      expect(await store.list({ owner: 'ann', status: 'running', limit: 10 })).toHaveLength(1);
      expect(await refusal(store, 'ann')).toBe('TOO_MANY_TASKS');
    });

    it('counts jobs that run on after the end of their tasks, for their owner alone', async () => {
      const { store } = await open({ maxTasksPerOwner: 2 });
      const { taskId } = await started(store, { owner: 'ann', idempotencyKey: 'once', slot: 'chat' });
      const create = (settling: number, changed: Partial<TaskDraft> = {}): Promise<unknown> =>
        Promise.resolve().then(() => store.create(draft({ owner: 'ann', ...changed }), settling));
      for (const settling of [1, 2, 300]) expect(await codeOf(() => create(settling))).toBe('TOO_MANY_TASKS');
      for (const settling of [1, 2]) {
        const again = await create(settling, { idempotencyKey: 'once' });
        expect(again).toMatchObject({ created: false, taken: 'idempotencyKey', record: { taskId } });
        const busy = await create(settling, { slot: 'chat' });
        expect(busy).toMatchObject({ created: false, taken: 'slot', record: { taskId } });
      }
      expect(await create(1, { owner: 'bob' })).toMatchObject({ created: true });
      expect(await create(0)).toMatchObject({ created: true });
    });

    it('attaches a repeated start although its owner may start no more', async () => {
      const { store } = await open({ maxTasksPerOwner: 1 });
      const { taskId } = await started(store, { owner: 'ann', idempotencyKey: 'once' });
      const again = await store.create(draft({ owner: 'ann', idempotencyKey: 'once' }));
      expect(again).toMatchObject({ created: false, record: { taskId } });
    });
  });

  describe('finding', () => {
    const UNKNOWN = ['', 'nobody', '__proto__', 'constructor', 'toString', '*', 'a:b', '../x'];

    for (const name of UNKNOWN)
      it(`knows nothing of ${JSON.stringify(name)}`, async () => {
        const { store } = await open();
        await started(store, { idempotencyKey: 'k' });
        expect(await store.find({ taskId: name })).toBeUndefined();
        expect(await store.find({ resumeKey: name })).toBeUndefined();
        expect(await store.find({ idempotencyKey: name, owner: undefined })).toBeUndefined();
        expect(await store.open(name)).toBeUndefined();
        expect(await store.departedAt(name, 'anybody')).toBeUndefined();
        expect(await store.requestCancel(name, { code: 'TASK_CANCELLED', message: 'Stop' })).toBe(false);
        expect(await store.claim(name, false)).toBeUndefined();
      });

    it('takes no resume key for a task id, and no task id for a resume key', async () => {
      const { store } = await open();
      const { taskId, draft: asked } = await started(store);
      expect(await store.find({ taskId: asked.resumeKey })).toBeUndefined();
      expect(await store.find({ resumeKey: taskId })).toBeUndefined();
    });

    it('tells nobody of another owner who has the idempotency key', async () => {
      const { store } = await open();
      await started(store, { owner: 'ann', idempotencyKey: 'k' });
      expect(await store.find({ idempotencyKey: 'k', owner: 'bob' })).toBeUndefined();
      expect(await store.find({ idempotencyKey: 'k', owner: undefined })).toBeUndefined();
    });
  });

  describe('listing', () => {
    it('filters by status and owner, newest first, up to the limit', async () => {
      const { store, peer } = await open();
      const ids: string[] = [];
      for (let n = 0; n < 6; n++) {
        const owner = n % 2 ? 'ann' : 'bob';
        const task = n < 3 ? await started(store, { owner }) : await finished(store, 0, { owner });
        ids.push(task.taskId);
      }
      const listed = async (filter: Parameters<OpenTaskStore['list']>[0]): Promise<number[]> =>
        (await peer.list(filter)).map(({ taskId }) => ids.indexOf(taskId));
      expect(await listed({ limit: 10 })).toEqual([5, 4, 3, 2, 1, 0]);
      expect(await listed({ limit: 2 })).toEqual([5, 4]);
      expect(await listed({ limit: 10, owner: 'ann' })).toEqual([5, 3, 1]);
      expect(await listed({ limit: 10, status: 'running' })).toEqual([2, 1, 0]);
      expect(await listed({ limit: 10, status: 'completed', owner: 'bob' })).toEqual([4]);
      expect(await listed({ limit: 1, status: 'running', owner: 'ann' })).toEqual([1]);
      expect(await listed({ limit: 10, status: 'failed' })).toEqual([]);
      expect(await listed({ limit: 10, owner: 'nobody' })).toEqual([]);
    });
  });
}

const refusal = async (store: OpenTaskStore, owner: string, changed: Partial<TaskDraft> = {}): Promise<unknown> =>
  codeOf(async () => store.create(draft({ owner, ...changed })));

/** A record without its times. */
function pick(record: Awaited<ReturnType<typeof recordOf>>): object {
  const { taskId, resumeKey, owner, fingerprint, status, attempt, lastSeq, firstKeptSeq } = record;
  const { bufferedEvents, bufferedBytes, subscribers, endedAtMs, expiresAtMs, progress, outcome } = record;
  return {
    taskId,
    resumeKey,
    owner,
    fingerprint,
    status,
    attempt,
    lastSeq,
    firstKeptSeq,
    bufferedEvents,
    bufferedBytes,
    subscribers,
    endedAtMs,
    expiresAtMs,
    progress,
    outcome,
  };
}
