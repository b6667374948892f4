import { TaskError } from '../../../lib/core/errors.js';
import { createTaskStore } from '../../../lib/store/index.js';
import { endless, EngineFixture, untilAborted } from '../../support/jobs/engine-fixture.js';
import { MapDriver, MapServer } from '../../support/stores/map-driver.js';
import { turn } from '../../support/jobs/run-fixture.js';
import { storeWhose } from '../../support/stores/memory-stores.js';
import { codeOf } from '../../support/stores/store-fixtures.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('Engine', () => {
  describe('starting', () => {
    it('gives each task a new public v7 uuid and a new secret of 22 base64url characters', async () => {
      const fixture = new EngineFixture();
      const records = [await fixture.start(endless), await fixture.start(endless)];
      for (const { taskId, resumeKey } of records) {
        expect(taskId).toMatch(UUID_V7);
        expect(resumeKey).toMatch(/^[\w-]{22}$/);
        expect(Buffer.from(resumeKey, 'base64url')).toHaveLength(16);
      }
      expect(new Set(records.flatMap(({ taskId, resumeKey }) => [taskId, resumeKey])).size).toBe(4);
    });

    it('refuses more running tasks than maxRunningTasks, and accepts one for each that ends', async () => {
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
    ])('counts such a job for its owner too, with tasks in %s', async (_where, store) => {
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
});
