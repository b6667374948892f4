import { TaskError } from '../../../lib/core/errors.js';
import type { OpenTaskStore, TaskStore } from '../../../lib/core/ports.js';
import { createTaskStore } from '../../../lib/store/index.js';
import { endless, EngineFixture, untilAborted } from '../../support/engine-fixture.js';
import { MapDriver, MapServer } from '../../support/map-driver.js';
import { turn } from '../../support/run-fixture.js';
import { sharedMemory } from '../../support/memory-stores.js';
import { codeOf } from '../../support/store-fixtures.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A store whose `method` does what `answer` says. */
function storeWhose(method: keyof OpenTaskStore, answer: () => unknown): TaskStore {
  return sharedMemory((memory) => Object.defineProperty(memory, method, { value: answer })).store;
}

describe('Engine', () => {
  describe('starting', () => {
    it('makes a public v7 uuid and a secret of 22 base64url characters, each time others', async () => {
      const fixture = new EngineFixture();
      const records = [await fixture.start(endless), await fixture.start(endless)];
      for (const { taskId, resumeKey } of records) {
        expect(taskId).toMatch(UUID_V7);
        expect(resumeKey).toMatch(/^[\w-]{22}$/);
        expect(Buffer.from(resumeKey, 'base64url')).toHaveLength(16);
      }
      expect(new Set(records.flatMap(({ taskId, resumeKey }) => [taskId, resumeKey])).size).toBe(4);
    });

    it('refuses more running tasks than maxRunningTasks, and takes one for each that ends', async () => {
      const fixture = new EngineFixture({ maxRunningTasks: 2 });
      const { taskId } = await fixture.start(untilAborted);
      await fixture.start(endless);
      expect(await codeOf(() => fixture.engine.admit())).toBe('AT_CAPACITY');
      expect(await codeOf(() => fixture.start(endless))).toBe('AT_CAPACITY');
      await turn(); // the job runs, and hears of its end
      await fixture.engine.cancel(taskId, 'Stop');
      await turn();
      expect(await codeOf(() => fixture.start(endless))).toBeUndefined();
      expect(fixture.engine.running).toBe(2);
    });

    it('counts a job that ignores its end until its promise settles', async () => {
      const fixture = new EngineFixture({ maxRunningTasks: 1 });
      let settle: (() => void) | undefined;
      const { taskId } = await fixture.start(() => new Promise<void>((resolve) => (settle = resolve)));
      await turn();
      await fixture.engine.cancel(taskId, 'Stop');
      expect([fixture.engine.running, fixture.engine.settling.size]).toEqual([0, 1]);
      expect(await codeOf(() => fixture.start(endless))).toBe('AT_CAPACITY');
      settle?.();
      await turn();
      expect(fixture.engine.settling.size).toBe(0);
      expect(await codeOf(() => fixture.start(endless))).toBeUndefined();
    });

    it.each([
      ['this process', undefined],
      ['a shared store', createTaskStore(new MapDriver(new MapServer()))],
    ])('counts it for its owner too, with tasks in %s', async (_where, store) => {
      const fixture = new EngineFixture({ maxTasksPerOwner: 1, ...(store && { store }) });
      let settle: (() => void) | undefined;
      const { taskId } = await fixture.start(() => new Promise<void>((resolve) => (settle = resolve)), {
        owner: 'ann',
      });
      await turn();
      await fixture.engine.cancel(taskId, 'Stop');
      await fixture.engine.run(taskId)?.ended;
      for (let n = 0; n < 10; n++) await turn(); // the end is in the store
      expect((await fixture.engine.find({ taskId })).status).toBe('cancelled');
      expect(await codeOf(() => fixture.start(endless, { owner: 'ann' }))).toBe('TOO_MANY_TASKS');
      expect(await codeOf(() => fixture.start(endless, { owner: 'bob' }))).toBeUndefined();
      settle?.();
      await turn();
      expect(await codeOf(() => fixture.start(endless, { owner: 'ann' }))).toBeUndefined();
    });

    it('holds maxRunningTasks under concurrent starts', async () => {
      const fixture = new EngineFixture({ maxRunningTasks: 3 });
      const codes = await Promise.all(Array.from({ length: 10 }, async () => codeOf(() => fixture.start(endless))));
      expect(codes.filter((code) => code === undefined)).toHaveLength(3);
      expect(fixture.engine.counts.started).toBe(3);
    });

    it('finds the task of a repeated start, and refuses another payload', async () => {
      const fixture = new EngineFixture();
      const job = jest.fn(endless);
      const first = await fixture.start(job, { idempotencyKey: 'k', fingerprint: 'f' });
      const second = await fixture.start(job, { idempotencyKey: 'k', fingerprint: 'f' });
      expect(second.taskId).toBe(first.taskId);
      expect(await codeOf(() => fixture.start(job, { idempotencyKey: 'k', fingerprint: 'g' }))).toBe('KEY_REUSED');
      await turn();
      expect(job).toHaveBeenCalledTimes(1);
      expect(fixture.engine).toMatchObject({ running: 1, counts: { started: 1 } });
      expect((await fixture.engine.findRepeated('k', undefined, 'f'))?.taskId).toBe(first.taskId);
      expect(await codeOf(() => fixture.engine.findRepeated('k', undefined, 'g'))).toBe('KEY_REUSED');
      expect(await fixture.engine.findRepeated('other', undefined, 'f')).toBeUndefined();
    });

    it.each<[string, () => unknown, unknown]>([
      [
        'refuses',
        () => {
          throw new TaskError('TOO_MANY_TASKS', 'no');
        },
        'TOO_MANY_TASKS',
      ],
      ['is down', () => Promise.reject(new TaskError('STORE_UNAVAILABLE', 'no')), 'STORE_UNAVAILABLE'],
    ])('leaves nothing behind when the store %s', async (_, create, code) => {
      const fixture = new EngineFixture({ store: storeWhose('create', create) });
      const job = jest.fn(endless);
      expect(await codeOf(() => fixture.start(job))).toBe(code);
      await turn();
      expect(job).not.toHaveBeenCalled();
      expect(fixture.engine).toMatchObject({ running: 0, counts: { started: 0 } });
      expect(fixture.clock.timers).toBe(0);
    });

    it('leaves nothing behind when the initial snapshot throws', async () => {
      const fixture = new EngineFixture();
      const snapshot = {
        initial: () => {
          throw new RangeError('no');
        },
        reduce: () => 1,
      };
      await expect(fixture.start(endless, { snapshot })).rejects.toMatchObject({
        code: 'CALLBACK_FAILED',
        cause: expect.any(RangeError),
      });
      expect(fixture.engine.running).toBe(0);
      expect(fixture.clock.timers).toBe(0);
    });
  });

  describe('asking a store that does not answer', () => {
    it.each<[keyof OpenTaskStore, (fixture: EngineFixture) => Promise<unknown>]>([
      ['create', async (fixture) => fixture.start(endless)],
      ['find', async ({ engine }) => engine.find({ taskId: 'x' })],
      ['find', async ({ engine }) => engine.findOwned({ taskId: 'x' }, 'ann')],
      ['find', async ({ engine }) => engine.findRepeated('k', 'ann', 'f')],
      ['open', async (fixture) => fixture.open('x')],
      ['list', async ({ engine }) => engine.store.list({ limit: 1 })],
    ])('%s is given up after storeTimeoutMs', async (method, ask) => {
      const store = storeWhose(method, () => new Promise(() => undefined));
      const fixture = new EngineFixture({ store, storeTimeoutMs: 300 });
      const code = codeOf(() => ask(fixture));
      await turn();
      fixture.clock.advance(299);
      expect(await Promise.race([code, turn()])).toBeUndefined();
      fixture.clock.advance(1);
      expect(await code).toBe('STORE_UNAVAILABLE');
      expect(fixture.clock.timers).toBe(0);
    });

    it('keeps no timer of a question that was answered', async () => {
      const store = storeWhose('find', async () => Promise.resolve(undefined));
      const fixture = new EngineFixture({ store });
      expect(await codeOf(() => fixture.engine.find({ taskId: 'x' }))).toBe('TASK_NOT_FOUND');
      expect(fixture.clock.timers).toBe(0);
    });
  });

  describe('finding', () => {
    it('tells unknown, expired and running apart', async () => {
      const fixture = new EngineFixture({ ttlMs: 1_000, sweepIntervalMs: 100 });
      const ref = { taskId: (await fixture.start(() => 1)).taskId };
      await turn();
      expect((await fixture.engine.find(ref)).status).toBe('completed');
      fixture.clock.advance(1_000);
      expect(await codeOf(() => fixture.engine.find(ref))).toBe('TASK_EXPIRED');
      expect(await codeOf(() => fixture.open(ref.taskId))).toBe('TASK_EXPIRED');
      await turn();
      fixture.clock.advance(1_000);
      expect(await codeOf(() => fixture.engine.find(ref))).toBe('TASK_NOT_FOUND');
    });

    it('answers the same of a task of another owner, kept or expired, as of one that never was', async () => {
      const fixture = new EngineFixture({ ttlMs: 1_000, sweepIntervalMs: 1_000 });
      const ref = { taskId: (await fixture.start(() => 1, { owner: 'ann' })).taskId };
      const refusals: unknown[] = [];
      const ask = async (owner: string | undefined, asked = ref): Promise<void> => {
        refusals.push(await fixture.engine.findOwned(asked, owner).catch((error: unknown) => String(error)));
      };
      await ask('bob', { taskId: 'never' });
      await ask('bob');
      await ask(undefined);
      await turn();
      fixture.clock.advance(1_000);
      await ask('bob');
      expect(new Set(refusals)).toEqual(new Set(['TaskError: There is no such task']));
      expect(await codeOf(() => fixture.engine.findOwned(ref, 'ann'))).toBe('TASK_EXPIRED');
    });

    it('gives the run of a task that runs here, and says why of one that does not', async () => {
      const fixture = new EngineFixture();
      const { taskId } = await fixture.start(endless);
      await fixture.engine.run(taskId)?.complete(1);
      expect(fixture.engine.run(taskId)).toBeUndefined();
      await expect(fixture.engine.refuse(taskId)).rejects.toThrow('It is already completed');
      expect(await codeOf(() => fixture.engine.refuse('unknown'))).toBe('TASK_NOT_FOUND');
    });

    it('cancels what runs, says false of what has ended, and refuses what is unknown', async () => {
      const fixture = new EngineFixture();
      const { taskId } = await fixture.start(endless);
      expect(await fixture.engine.cancel(taskId, 'Enough')).toBe(true);
      expect(await fixture.engine.cancel(taskId, 'Again')).toBe(false);
      expect(await codeOf(() => fixture.engine.cancel('unknown', 'x'))).toBe('TASK_NOT_FOUND');
      expect(JSON.parse((await fixture.engine.find({ taskId })).outcome!)).toMatchObject({ reason: 'Enough' });
    });
  });

  describe('where a subscriber starts', () => {
    it('is its cursor, else where it left off, else the beginning', async () => {
      const fixture = new EngineFixture();
      const record = await fixture.start(endless);
      const feed = await fixture.open(record.taskId);
      feed.join('ann');
      const startOf = async (cursor?: number, subscriberId?: string): Promise<number> =>
        (await fixture.engine.attachTo({ record, created: false }, { cursor, subscriberId, snapshot: false })).start
          .position;
      expect(await startOf(7, 'ann')).toBe(7);
      expect(await startOf(undefined, 'ann')).toBe(0);
      feed.leave('ann', 5);
      expect(await startOf(undefined, 'ann')).toBe(5);
      expect(await startOf(0, 'ann')).toBe(0);
      expect(await startOf(undefined, 'bob')).toBe(0);
      expect(await startOf()).toBe(0);
    });
  });

  describe('reporting errors', () => {
    it('counts every end, and reports failures with the task they belong to', async () => {
      const fixture = new EngineFixture();
      const boom = new Error('boom');
      await fixture.start(() => 1);
      const { taskId } = await fixture.start(() => Promise.reject(boom));
      await fixture.engine.cancel((await fixture.start(endless)).taskId, 'x');
      await turn();
      expect(fixture.engine.counts).toEqual({ started: 3, completed: 1, failed: 1, cancelled: 1 });
      expect(fixture.errors).toEqual([[boom, taskId]]);
      expect(fixture.engine.running).toBe(0);
    });

    it.each<[string, unknown]>([
      ['an Error', new Error('broken hook')],
      ['a string', 'broken hook'],
      ['an object without a prototype', Object.create(null)],
    ])('survives a hook that throws %s', async (_, thrown) => {
      const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const onTaskError = (): never => {
        throw thrown as Error;
      };
      const fixture = new EngineFixture({ onTaskError });
      const { taskId } = await fixture.start(() => Promise.reject(new Error('boom')));
      await turn();
      expect((await fixture.engine.find({ taskId })).status).toBe('failed');
      expect(warning).toHaveBeenCalledTimes(1);
      warning.mockRestore();
    });

    it('warns by default, with the stack and the task', async () => {
      const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      const boom = new Error('boom');
      const fixture = new EngineFixture({ onTaskError: undefined } as object);
      const { taskId } = await fixture.start(() => Promise.reject(boom));
      await turn();
      expect(warning).toHaveBeenCalledWith(boom.stack, { type: 'TaskErrorWarning', detail: `in task ${taskId}` });
      warning.mockRestore();
    });
  });
});
