import { AsyncLocalStorage } from 'node:async_hooks';
import { createTaskManager, type TaskManager } from '../../../lib/index.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what a task calls runs in the AsyncLocalStorage context of its start', () => {
  const storage = new AsyncLocalStorage<string>();
  let tasks: TaskManager;
  let seen: Record<string, string | undefined>;
  const see = (what: string) => (): void => {
    seen[what] = storage.getStore();
  };

  /** A task that somebody starts, whose job then waits for its end. */
  const start = (): Promise<string> =>
    storage.run('starter', async () => {
      const { taskId } = await tasks.start(({ signal }) => {
        see('job')();
        signal.addEventListener('abort', see('abort listener'));
        return new Promise(() => undefined);
      });
      return taskId;
    });

  beforeEach(() => {
    seen = {};
  });

  it('the job, its abort listeners and onTaskError, whoever stops it', async () => {
    tasks = createTaskManager({ onTaskError: see('onTaskError') });
    const taskId = await start();
    await turn();
    await storage.run('stopper', () => tasks.completeTask(taskId, 'failed', new Error('no')));
    expect(seen).toEqual({ job: 'starter', onTaskError: 'starter' });
    const other = await start();
    await turn();
    await storage.run('stopper', () => tasks.cancelTask(other));
    expect(seen['abort listener']).toBe('starter');
  });

  it('its abort listeners, where a sweep or a time-out stops it that others have set going', async () => {
    const clock = new ManualClock();
    tasks = createTaskManager({ clock, timeoutMs: 1_000 });
    await start();
    await turn();
    storage.run('eve', () => {
      clock.advance(1_000);
    });
    expect(seen['abort listener']).toBe('starter');
    tasks = createTaskManager({ clock, abandonAfterMs: 1_000, sweepIntervalMs: 500 });
    await start();
    await turn();
    seen = {};
    storage.run('eve', () => {
      clock.advance(2_000);
    });
    await turn();
    expect(seen['abort listener']).toBe('starter');
  });
});
