// Compiled, never run: as an ES module, as CommonJS and for a bundler.
import express from 'express';
import { createTaskManager, executeWithSSE, TaskError, type AsyncTask, type TaskInfo } from 'resumable-sse';
import { createSqliteStore, type SqliteDatabase } from 'resumable-sse/sqlite';
import { createTaskStore, type TaskDriver } from 'resumable-sse/store';
import { expectExact, runJob } from 'resumable-sse/testing';

interface Step {
  step: number;
}

const tasks = createTaskManager({ ttlMs: 60_000, owner: (req) => req.headers.authorization });

const count: AsyncTask<Step, string> = async (context, taskId, updateProgress) => {
  context.signal.throwIfAborted();
  await updateProgress({ step: 1 });
  // @ts-expect-error: progress has the type of the task
  await updateProgress({ step: 'one' });
  return taskId;
};

export const app = express();
app.get('/count', tasks.handler(count, { timeoutMs: 5_000 }));
app.use('/tasks', tasks.router());
app.get('/by-hand', (req, res, next) => {
  executeWithSSE(req, null, req.ip, count).then((stream) => stream.pipe(res), next);
});

// @ts-expect-error: an option that does not exist
createTaskManager({ ttl: 60 });

export const infoOf = (taskId: string): Promise<TaskInfo> => tasks.getTaskInfo(taskId);
export const codeOf = (error: unknown): string | undefined => (error instanceof TaskError ? error.code : undefined);

export const onFile = (database: SqliteDatabase) => createTaskManager({ store: createSqliteStore({ database }) });
export const onDriver = (driver: TaskDriver) =>
  createTaskManager({ store: createTaskStore(driver, { leaseMs: 5_000 }) });
export const stepsOf = async (): Promise<Step[]> => {
  const { progress, events } = await runJob(count);
  expectExact(events.flatMap((event) => ('seq' in event ? [event] : [])));
  return [...progress];
};
