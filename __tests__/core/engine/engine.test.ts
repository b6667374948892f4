import type { OpenTaskStore } from '../../../lib/core/ports.js';
import { endless, EngineFixture } from '../../support/jobs/engine-fixture.js';
import { turn } from '../../support/jobs/run-fixture.js';
import { storeWhose } from '../../support/stores/memory-stores.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

describe('Engine', () => {
  describe('asking a store that does not answer', () => {
    it.each<[keyof OpenTaskStore, (fixture: EngineFixture) => Promise<unknown>]>([
      ['create', async (fixture) => fixture.start(endless)],
      ['find', async ({ engine }) => engine.find({ taskId: 'x' })],
      ['find', async ({ engine }) => engine.findOwned({ taskId: 'x' }, 'ann')],
      ['find', async ({ engine }) => engine.findRepeated('k', 'ann', 'f')],
      ['open', async (fixture) => fixture.open('x')],
      ['list', async ({ engine }) => engine.store.list({ limit: 1 })],
    ])('gives the call of %s up after storeTimeoutMs', async (method, ask) => {
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

    it('keeps no timer for a call that was answered', async () => {
      const store = storeWhose('find', async () => Promise.resolve(undefined));
      const fixture = new EngineFixture({ store });
      expect(await codeOf(() => fixture.engine.find({ taskId: 'x' }))).toBe('TASK_NOT_FOUND');
      expect(fixture.clock.timers).toBe(0);
    });
  });

  describe('finding', () => {
    it('tells unknown, expired and running tasks apart', async () => {
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

    it('answers for a task of another owner, kept or expired, exactly as for one that never existed', async () => {
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

    it('returns the run of a task that runs here, and says of any other why there is none', async () => {
      const fixture = new EngineFixture();
      const { taskId } = await fixture.start(endless);
      await fixture.engine.run(taskId)?.complete(1);
      expect(fixture.engine.run(taskId)).toBeUndefined();
      await expect(fixture.engine.refuse(taskId)).rejects.toThrow('The task is already completed');
      expect(await codeOf(() => fixture.engine.refuse('unknown'))).toBe('TASK_NOT_FOUND');
    });

    it('cancels a running task, returns false for one that has ended, and refuses an unknown one', async () => {
      const fixture = new EngineFixture();
      const { taskId } = await fixture.start(endless);
      expect(await fixture.engine.cancel(taskId, 'Enough')).toBe(true);
      expect(await fixture.engine.cancel(taskId, 'Again')).toBe(false);
      expect(await codeOf(() => fixture.engine.cancel('unknown', 'x'))).toBe('TASK_NOT_FOUND');
      expect(JSON.parse((await fixture.engine.find({ taskId })).outcome!)).toMatchObject({ reason: 'Enough' });
    });
  });

  describe('where a subscriber starts', () => {
    it('is its cursor, otherwise where it left off, otherwise the beginning', async () => {
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
