/** What a task manager can do. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { RequestHandler } from 'express';
import type { AsyncTask, TaskInfo } from './core/task.js';
import type { DetachedStartOptions, ExecuteOptions, ListOptions, StartOptions } from './manager-options.js';
import type { TaskStream } from './sse/task-stream.js';
import type { HandlerOptions } from './express/handler.js';
import type { ResumeOptions } from './express/resume.js';
import type { RouterOptions } from './express/task-router.js';

export interface ManagerStatistics {
  /** Tasks that this instance runs now. */
  readonly running: number;
  /** Jobs that have not heeded the end of their tasks yet. They count for `maxRunningTasks` and `maxTasksPerOwner`. */
  readonly settling: number;
  /** Ended tasks that are still readable. */
  readonly finished: number;
  /** Forgotten tasks that still answer 410. */
  readonly tombstones: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Memory of all logs. */
  readonly bufferedBytes: number;
  /** Counted since the manager was made. A task that is handed over at `stop`, to go on elsewhere, has no outcome here. */
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

export interface TaskManager {
  /**
   * Starts `asyncTask` detached from `req` (no resume key, no Last-Event-ID), or attaches to a task that exists.
   * `subscriberId` lets a client that comes back without a cursor go on after the last event it was sent.
   * @param options the time-out in ms, or more than that
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `INVALID_RESUME_KEY`, `INVALID_CURSOR`, `AT_CAPACITY`, …
   */
  executeWithSSE<P, R>(
    req: IncomingMessage | Http2ServerRequest,
    resumeKey: string | null | undefined,
    subscriberId: string | null | undefined,
    asyncTask: AsyncTask<P, R>,
    options?: number | ExecuteOptions,
  ): Promise<TaskStream<P, R>>;

  /** Express middleware around executeWithSSE: reads key, cursor, owner and idempotency key; pipes; maps errors. */
  handler<P, R, I, S>(asyncTask: AsyncTask<P, R, I>, options?: HandlerOptions<P, I, S>): RequestHandler;

  /** Starts without attaching: answer 202 with a Location, let clients attach later, from anywhere. */
  startTask<P, R, I>(
    req: IncomingMessage | Http2ServerRequest,
    asyncTask: AsyncTask<P, R, I>,
    options?: StartOptions<I>,
  ): Promise<{ taskId: string; resumeKey: string }>;

  /**
   * Starts a task without a request: from a queue, a timer, another task. Clients attach through `router` or `resume`.
   * @throws TaskError `SLOT_BUSY`, `KEY_REUSED`, `AT_CAPACITY`, `TOO_MANY_TASKS`, `SHUTDOWN`, `STORE_UNAVAILABLE`
   */
  start<P, R, I>(
    asyncTask: AsyncTask<P, R, I>,
    options?: DetachedStartOptions<I>,
  ): Promise<{ taskId: string; resumeKey: string }>;

  /**
   * Express middleware for one slot. GET: the stream of the task that runs there, or 204 where none does. DELETE: cancels
   * it, 204. Within the owner of the request; without the option `owner`, whoever knows the slot.
   * @example app.all('/api/chat/:id/stream', tasks.resume({ slot: (req) => req.params.id }));
   */
  resume(options: ResumeOptions): RequestHandler;

  /** What a task is doing, by one of its names or its slot; undefined where there is none, or no more. */
  find(
    ref: { taskId: string } | { resumeKey: string } | { slot: string; owner?: string | undefined },
  ): Promise<TaskInfo | undefined>;

  /**
   * GET /:taskId (status), GET /:taskId/result (409 while it runs), GET /:taskId/events (attach), DELETE /:taskId
   * (cancel), GET / (list). With `owner` configured each answers its owner alone. Without it, status, result and
   * cancel take the task id (unguessable), attaching takes the resume key as well (query or Last-Event-ID), and the
   * list is off (404) unless `authorize` is given.
   */
  router(options?: RouterOptions): RequestHandler;

  /** @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `TASK_NOT_RUNNING`, and as `TaskContext.updateProgress` */
  updateProgress(taskId: string, data: unknown): Promise<void>;
  /**
   * Ends the task; `outcome` is its result, or the error it failed with. Its signal is not aborted.
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `TASK_NOT_RUNNING` where it had ended before
   */
  completeTask(taskId: string, status: 'completed' | 'failed', outcome?: unknown): Promise<void>;
  /** False: it had ended before. Clients see `reason`. @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED` */
  cancelTask(taskId: string, reason?: string): Promise<boolean>;
  /** @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED` */
  getTaskInfo(taskId: string): Promise<TaskInfo>;
  /**
   * Lists tasks, newest first, without their progress, result and error, which `getTaskInfo` has.
   * @throws TaskError `INVALID_OPTION`
   */
  listTasks(filter?: ListOptions): Promise<TaskInfo[]>;
  getStatistics(): ManagerStatistics;
  /**
   * Refuses new work, gives running tasks `graceMs` (default 0) to end while their clients watch, cancels the rest
   * (`SHUTDOWN`), and ends all streams with a jittered retry. Idempotent.
   * @throws TaskError `INVALID_OPTION` where `graceMs` is no whole number, at least 0 or Infinity; nothing stops then
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}
