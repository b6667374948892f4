import { createTaskManager, type Creation, type TaskStore } from '../../lib/index.js';
import { MemoryStore } from '../../lib/core/memory-store.js';
import { controlledJob } from '../support/controlled-job.js';
import { fakeRequest } from '../support/fake-request.js';
import { ManualClock } from '../support/manual-clock.js';

/** A store that creates when it is told to. */
function lateStore(): { store: TaskStore; create: () => Promise<void> } {
  const memory = new MemoryStore();
  const createNow = memory.create.bind(memory);
  const waiting: (() => void)[] = [];
  const store: TaskStore = Object.assign(memory, {
    create: (...draft: Parameters<TaskStore['create']>) =>
      new Promise<Creation>((resolve) => waiting.push(() => resolve(createNow(...draft)))),
  });
  return {
    store,
    create: async () => {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise(setImmediate);
    },
  };
}

it('a start that was refused since the store took too long leaves no task behind when the store answers', async () => {
  const clock = new ManualClock();
  const { store, create } = lateStore();
  const tasks = createTaskManager({ clock, store, storeTimeoutMs: 500 });
  const controlled = controlledJob();
  const { job } = controlled;
  const calls = (): number => controlled.calls;
  const started = tasks.startTask(fakeRequest(), job, { idempotencyKey: 'once' });
  await new Promise(setImmediate);
  clock.advance(500);
  await expect(started).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await create();
  // Nobody would ever end it, and whoever repeated the start would wait for it.
  const [task] = await tasks.listTasks();
  expect(task).toMatchObject({ status: 'failed', error: { code: 'STORE_UNAVAILABLE' } });
  expect(calls()).toBe(0);
  expect(tasks.getStatistics()).toMatchObject({ running: 0, finished: 1 });
  await tasks.stop();
});
