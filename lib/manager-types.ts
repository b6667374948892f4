/** The public interface of a task manager. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { AsyncTask, TaskInfo, TaskProgress, TaskResult } from './core/task/task.js';
import type { DetachedStartOptions, ExecuteOptions, ListOptions, StartOptions } from './manager-options.js';
import type { TaskStream } from './sse/task-stream.js';
import type { HandlerOptions } from './express/task-handler.js';
import type { Middleware } from './http/routes.js';
import type { ResumeOptions } from './express/resume.js';
import type { RouterOptions } from './express/task-router.js';

/** Counts of one manager. Those of tasks and jobs are of this instance alone. */
export interface ManagerStatistics {
  /** The number of tasks that this instance runs now. */
  readonly running: number;
  /**
   * The number of jobs that still work although their tasks have ended. They count for `maxRunningTasks` and
   * `maxTasksPerOwner`.
   */
  readonly settling: number;
  /** The number of ended tasks that are still readable. */
  readonly finished: number;
  /** The number of forgotten tasks that still answer 410. */
  readonly tombstones: number;
  /** The number of connections that are open now. */
  readonly connections: number;
  /** The memory of all logs, in bytes. */
  readonly bufferedBytes: number;
  /**
   * The number of tasks started since the manager was made. A task that is handed over at `stop`, to go on elsewhere,
   * has no outcome here.
   */
  readonly started: number;
  /** The number of tasks that have completed since the manager was made. */
  readonly completed: number;
  /** The number of tasks that have failed since the manager was made. */
  readonly failed: number;
  /** The number of tasks that were cancelled since the manager was made. */
  readonly cancelled: number;
}

/** The names of a task that was started without attaching to it. */
export interface StartedTask {
  /** The public id of the task. */
  readonly taskId: string;
  /** The secret of the task, by which clients attach. */
  readonly resumeKey: string;
}

/** Runs tasks, and serves them to any number of clients. `createTaskManager` makes one. */
export interface TaskManager {
  /**
   * Starts `asyncTask` detached from `req`, or attaches to the task that a resume key or `Last-Event-ID` names.
   * `subscriberId` lets a client that returns without a cursor continue after the last event that it was sent.
   * @param options the time-out in ms, or more than that
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `INVALID_RESUME_KEY`, `INVALID_CURSOR`, `AT_CAPACITY`, …
   */
  executeWithSSE<P, R>(
    req: IncomingMessage | Http2ServerRequest,
    resumeKey: string | null | undefined,
    subscriberId: string | null | undefined,
    asyncTask: AsyncTask<P, R>,
    options?: number | ExecuteOptions,
  ): Promise<TaskStream<TaskProgress<P>, TaskResult<R>>>;

  /**
   * Makes an Express middleware of a job. It reads key, cursor, owner and idempotency key, starts the task or attaches
   * to it, pipes the stream, and answers errors as problem+json.
   * @throws TaskError `INVALID_OPTION`
   * @example app.post('/report', tasks.handler(async ({ input }, taskId, updateProgress) => buildReport(input, updateProgress)));
   */
  handler<P, R, I, S>(asyncTask: AsyncTask<P, R, I>, options?: HandlerOptions<P, I, S>): Middleware;

  /**
   * Starts a task without attaching to it, so that you can answer 202 and clients attach later, from anywhere.
   * @throws TaskError `SLOT_BUSY`, `KEY_REUSED`, `AT_CAPACITY`, `TOO_MANY_TASKS`, `ORIGIN_NOT_ALLOWED`, `SHUTDOWN`, …
   * @example const { taskId } = await tasks.startTask(req, buildReport, { input: req.body });
   */
  startTask<P, R, I>(
    req: IncomingMessage | Http2ServerRequest,
    asyncTask: AsyncTask<P, R, I>,
    options?: StartOptions<I>,
  ): Promise<StartedTask>;

  /**
   * Starts a task without a request: from a queue, a timer or another task. Clients attach through `router` or
   * `resume`.
   * @throws TaskError `SLOT_BUSY`, `KEY_REUSED`, `AT_CAPACITY`, `TOO_MANY_TASKS`, `SHUTDOWN`, `STORE_UNAVAILABLE`
   */
  start<P, R, I>(asyncTask: AsyncTask<P, R, I>, options?: DetachedStartOptions<I>): Promise<StartedTask>;

  /**
   * Makes an Express middleware for one slot. GET answers with the stream of the task that runs there, or with 204
   * where none does. DELETE cancels that task and answers 204. Both see only tasks of the request's owner; without the
   * option `owner`, anyone who knows the slot.
   * @example app.all('/api/chat/:id/stream', tasks.resume({ slot: (req) => req.params.id }));
   */
  resume(options: ResumeOptions): Middleware;

  /**
   * Returns the state of a task, found by its id, key or slot, or undefined where it does not exist any more.
   * @throws TaskError `INVALID_OPTION`, `STORE_UNAVAILABLE`
   */
  find(
    ref: { taskId: string } | { resumeKey: string } | { slot: string; owner?: string | undefined },
  ): Promise<TaskInfo | undefined>;

  /**
   * Makes an Express router with GET /:taskId (status), GET /:taskId/result (409 while it runs), GET /:taskId/events
   * (attach), DELETE /:taskId (cancel) and GET / (list). With the option `owner` each task answers its owner alone.
   * Without it, status, result and cancel take the unguessable task id, attaching takes the resume key as well (in the
   * query or as Last-Event-ID), and the list is off (404) unless `authorize` is given.
   * @throws TaskError `INVALID_OPTION`
   * @example app.use('/tasks', requireUser, tasks.router());
   */
  router(options?: RouterOptions): Middleware;

  /**
   * Appends progress to a task that this instance runs. Resolves when it is committed. Awaiting is optional.
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `TASK_NOT_RUNNING`, and as `TaskContext.updateProgress`
   */
  updateProgress(taskId: string, data: unknown): Promise<void>;
  /**
   * Ends a task that this instance runs. `outcome` is its result, or the error it failed with. Its signal is not
   * aborted.
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `TASK_NOT_RUNNING` where it had ended before
   */
  completeTask(taskId: string, status: 'completed' | 'failed', outcome?: unknown): Promise<void>;
  /**
   * Cancels a task. Returns false where it had already ended. Clients see `reason`.
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `INVALID_OPTION` where `reason` is no string
   */
  cancelTask(taskId: string, reason?: string): Promise<boolean>;
  /** Returns the state of a task. @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED` */
  getTaskInfo(taskId: string): Promise<TaskInfo>;
  /**
   * Lists tasks, newest first, without their progress, result and error, which `getTaskInfo` returns.
   * @throws TaskError `INVALID_OPTION`
   */
  listTasks(filter?: ListOptions): Promise<TaskInfo[]>;
  /** Returns the counts of this manager. */
  getStatistics(): ManagerStatistics;
  /**
   * Stops the manager: refuses new work, gives running tasks `graceMs` (default 0) to end while their clients watch,
   * cancels the rest (`SHUTDOWN`), and ends all streams with a jittered retry. Idempotent.
   * @throws TaskError `INVALID_OPTION` where `graceMs` is no whole number, at least 0 or Infinity; nothing stops then
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}
