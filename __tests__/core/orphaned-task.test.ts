import { MemoryStore } from '../../lib/core/memory-store.js';
import type { RunRequest } from '../../lib/core/requests.js';
import { controlledJob } from '../support/controlled-job.js';
import { endless, EngineFixture } from '../support/engine-fixture.js';

describe('a task that somebody comes back to, with onLost restart', () => {
  const setUp = async (onLost: 'fail' | 'restart' = 'restart') => {
    const store = new MemoryStore();
    const [first, second] = [new EngineFixture({ store, onLost }), new EngineFixture({ store, onLost })];
    const { taskId } = await first.start(endless);
    const controlled = controlledJob();
    const { timeoutMs, abandonAfterMs } = second.engine.options;
    const request: RunRequest = { job: controlled.job, input: 'again', snapshot: undefined, timeoutMs, abandonAfterMs };
    const read = jest.fn(() => Promise.resolve(request));
    const restart = async (): Promise<void> => second.engine.restart(await second.engine.find({ taskId }), read);
    const orphan = (): void => {
      store.open(taskId)!.orphaned = true;
    };
    return { second, taskId, controlled, read, restart, orphan };
  };

  it('is left alone while an instance has it: not even the input is read', async () => {
    const { restart, read, second } = await setUp();
    await restart();
    expect(read).not.toHaveBeenCalled();
    expect(second.engine.running).toBe(0);
  });

  it('runs again once, as the next attempt, where its instance is gone', async () => {
    const { restart, read, orphan, controlled, second, taskId } = await setUp();
    orphan();
    await Promise.all([restart(), restart()]);
    const { context } = await controlled.run();
    expect([context.attempt, context.input, second.engine.running]).toEqual([2, 'again', 1]);
    await restart();
    expect(read.mock.calls.length).toBeLessThanOrEqual(2);
    expect(await second.engine.find({ taskId })).toMatchObject({ status: 'running', orphaned: false, attempt: 2 });
  });

  it('is left to fail with onLost fail', async () => {
    const { restart, read, orphan } = await setUp('fail');
    orphan();
    await restart();
    expect(read).not.toHaveBeenCalled();
  });
});
