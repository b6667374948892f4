import {
  createTaskManager,
  type Creation,
  type StartOptions,
  type TaskManager,
  type TaskDraft,
  type TaskStore,
} from '../../../lib/index.js';
import { controlledJob } from '../../support/jobs/controlled-job.js';
import { fakeRequest } from '../../support/sse/fake-request.js';
import { ManualClock } from '../../support/clock/manual-clock.js';
import { sharedMemory } from '../../support/stores/memory-stores.js';

/** A store that creates when it is told to. */
function lateStore(): { store: TaskStore; create: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  const { store } = sharedMemory((memory) => {
    const createNow = memory.create.bind(memory);
    const create = (draft: TaskDraft): Promise<Creation> =>
      new Promise((resolve) => waiting.push(() => resolve(createNow(draft))));
    Object.assign(memory, { create });
  });
  return {
    store,
    create: async () => {
      for (const resolve of waiting.splice(0)) resolve();
      await new Promise(setImmediate);
    },
  };
}

interface Refused {
  readonly tasks: TaskManager;
  readonly calls: () => number;
}

/** A start that the store has answered only after it was refused. */
async function refusedStart(options: StartOptions): Promise<Refused> {
  const clock = new ManualClock();
  const { store, create } = lateStore();
  const tasks = createTaskManager({ clock, store, storeTimeoutMs: 500 });
  const controlled = controlledJob();
  const started = tasks.startTask(fakeRequest(), controlled.job, options);
  await new Promise(setImmediate);
  clock.advance(500);
  await expect(started).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await create();
  await new Promise(setImmediate);
  return { tasks, calls: () => controlled.calls };
}

describe('a start that was refused because the store took too long', () => {
  it('fails when the store answers, because nobody could reach its task', async () => {
    const { tasks, calls } = await refusedStart({});
    const [task] = await tasks.listTasks();
    const info = await tasks.getTaskInfo(task!.taskId);
    expect(info).toMatchObject({ status: 'failed', error: { code: 'STORE_UNAVAILABLE' } });
    expect(calls()).toBe(0);
    expect(tasks.getStatistics()).toMatchObject({ running: 0, finished: 1 });
    await tasks.stop();
  });

  it('runs when the store answers, for whoever repeats it with its idempotency key', async () => {
    const { tasks, calls } = await refusedStart({ idempotencyKey: 'once' });
    const [task] = await tasks.listTasks();
    expect(task).toMatchObject({ status: 'running' });
    expect(calls()).toBe(1);
    expect(tasks.getStatistics()).toMatchObject({ running: 1 });
    await tasks.stop();
    expect(tasks.getStatistics()).toMatchObject({ running: 0, cancelled: 1 });
  });
});
