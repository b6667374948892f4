import type { TaskHandler } from '../../../lib/core/run/start-request.js';
import { controlledJob } from '../../support/jobs/controlled-job.js';
import { endless, EngineFixture } from '../../support/jobs/engine-fixture.js';
import { sharedMemory } from '../../support/stores/memory-stores.js';

describe('a task that a client returns to, with onLost restart', () => {
  const setUp = async (onLost: 'fail' | 'restart' = 'restart') => {
    const sharing = sharedMemory();
    const { store } = sharing;
    const [first, second] = [new EngineFixture({ store, onLost }), new EngineFixture({ store, onLost })];
    const { taskId } = await first.start(endless, { input: 'again' });
    const controlled = controlledJob();
    const { timeoutMs, abandonAfterMs } = second.engine.options;
    const handler: TaskHandler = {
      ...{ job: controlled.job, handler: 'test', snapshot: undefined, timeoutMs, abandonAfterMs },
    };
    const restart = async (changed: Partial<TaskHandler> = {}): Promise<void> =>
      second.engine.restart(await second.engine.find({ taskId }), { ...handler, ...changed });
    const orphan = (): void => {
      sharing.memory.open(taskId)!.record.orphaned = true;
    };
    return { second, taskId, controlled, restart, orphan };
  };

  it('is left alone while an instance runs it', async () => {
    const { restart, second } = await setUp();
    await restart();
    expect(second.engine.running).toBe(0);
  });

  it('runs again once, as the next attempt and with its first input, where its instance is gone', async () => {
    const { restart, orphan, controlled, second, taskId } = await setUp();
    orphan();
    await Promise.all([restart(), restart()]);
    const { context } = await controlled.run();
    expect([context.attempt, context.input, second.engine.running]).toEqual([2, 'again', 1]);
    await restart();
    expect(await second.engine.find({ taskId })).toMatchObject({ status: 'running', orphaned: false, attempt: 2 });
  });

  it('is left to fail with onLost fail', async () => {
    const { restart, orphan, second } = await setUp('fail');
    orphan();
    await restart();
    expect(second.engine.running).toBe(0);
  });

  it('is not run by another handler than its own', async () => {
    const { restart, orphan, second, controlled } = await setUp();
    orphan();
    await restart({ handler: 'delete-account' });
    await restart({ handler: undefined });
    expect([second.engine.running, controlled.calls]).toEqual([0, 0]);
  });

  it('is not run beyond maxRunningTasks, however many clients return at once', async () => {
    const sharing = sharedMemory((memory) => {
      const claim = memory.claim.bind(memory);
      // A store that answers later, as all shared ones do.
      Object.assign(memory, { claim: async (taskId: string) => Promise.resolve().then(() => claim(taskId)) });
    });
    const { store } = sharing;
    const first = new EngineFixture({ store, onLost: 'restart' });
    const second = new EngineFixture({ store, onLost: 'restart', maxRunningTasks: 2 });
    const { timeoutMs, abandonAfterMs } = second.engine.options;
    const handler: TaskHandler = { job: endless, handler: 'test', snapshot: undefined, timeoutMs, abandonAfterMs };
    const records = await Promise.all(Array.from({ length: 40 }, async () => first.start(endless)));
    for (const { taskId } of records) sharing.memory.open(taskId)!.record.orphaned = true;
    await Promise.all(
      records.map(async ({ taskId }) => second.engine.restart(await second.engine.find({ taskId }), handler)),
    );
    expect(second.engine.running).toBe(2);
  });
});
