import { createTaskManager, type AsyncTask, type TaskManager } from '../../lib/index.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import { fakeRequest } from '../support/sse/fake-request.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { until } from '../support/clock/until.js';

const files = new SqliteFiles();
const managers: TaskManager[] = [];

afterAll(async () => {
  await Promise.all(managers.map((tasks) => tasks.stop()));
  files.remove();
});

/** A process that has the file open. */
function start(path: string): TaskManager {
  const store = createSqliteStore({ database: files.connect(path), leaseMs: 200 });
  const tasks = createTaskManager({ store, sweepIntervalMs: 50, onTaskError: () => undefined });
  managers.push(tasks);
  return tasks;
}

const count: AsyncTask<{ n: number }, string> = async (_context, _taskId, updateProgress) => {
  for (let n = 1; n <= 3; n++) await updateProgress({ n });
  return 'counted';
};

it('after a restart an ended task answers as before: its result, its progress and all its events', async () => {
  const path = files.newPath();
  const before = start(path);
  const { taskId, resumeKey } = await before.startTask(fakeRequest(), count);
  await until(async () => (await before.getTaskInfo(taskId)).status === 'completed');
  const known = await before.getTaskInfo(taskId);
  await before.stop();

  const after = start(path);
  expect(await after.getTaskInfo(taskId)).toEqual(known);
  const stream = await after.executeWithSSE(fakeRequest(), resumeKey, undefined, count);
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  expect(events).toEqual([
    { kind: 'progress', seq: 1, data: { n: 1 } },
    { kind: 'progress', seq: 2, data: { n: 2 } },
    { kind: 'progress', seq: 3, data: { n: 3 } },
    { kind: 'complete', seq: 4, result: 'counted' },
  ]);
});

it('after a restart an unknown resume key leads to nothing, and starts nothing', async () => {
  const path = files.newPath();
  await start(path).stop();
  const after = start(path);
  const resumed = after.executeWithSSE(fakeRequest(), 'A'.repeat(22), undefined, count);
  await expect(resumed).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  expect(await after.listTasks()).toEqual([]);
});
