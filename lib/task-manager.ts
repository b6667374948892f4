import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { RequestHandler } from 'express';
import { IDENTITY_RULE, isIdentity } from './core/callbacks.js';
import { Engine } from './core/engine.js';
import { checkNumber, resolveOptions } from './core/engine-options.js';
import { assertOption, checkOptions } from './core/options.js';
import { toTaskInfo, toTaskSummary, type AsyncTask, type TaskInfo } from './core/task.js';
import { TaskRequests } from './http/task-requests.js';
import { assertServable, STREAM_METHODS } from './http/guards.js';
import { createHandler, type HandlerOptions } from './express/handler.js';
import { fingerprintOf } from './http/fingerprint.js';
import { createOriginList } from './http/origins.js';
import { checkIdempotencyKey, readIdempotencyKey, readResume, type AnyRequest } from './http/request.js';
import { createTaskRouter, type RouterOptions } from './express/task-router.js';
import {
  LIST_OPTION_RULES,
  MANAGER_OPTION_RULES,
  START_OPTION_RULES,
  STOP_OPTION_RULES,
  type ListOptions,
  type StartOptions,
  type TaskManagerOptions,
} from './manager-options.js';
import { Heartbeat } from './sse/heartbeat.js';
import type { TaskStream } from './sse/task-stream.js';
import { Wires } from './wires/wires.js';

export interface ManagerStatistics {
  /** Tasks that this instance runs now. */
  readonly running: number;
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
   * @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED`, `INVALID_RESUME_KEY`, `INVALID_CURSOR`, `AT_CAPACITY`, …
   */
  executeWithSSE<P, R>(
    req: IncomingMessage | Http2ServerRequest,
    resumeKey: string | null | undefined,
    subscriberId: string | null | undefined,
    asyncTask: AsyncTask<P, R>,
    timeoutMs?: number,
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
  /** Lists tasks, newest first, without their progress and result, which `getTaskInfo` has. @throws TaskError `INVALID_OPTION` */
  listTasks(filter?: ListOptions): Promise<TaskInfo[]>;
  getStatistics(): ManagerStatistics;
  /**
   * Refuses new work, gives running tasks `graceMs` (default 0) to end while their clients watch, cancels the rest
   * (`SHUTDOWN`), and ends all streams with a jittered retry. Idempotent.
   * @throws TaskError `INVALID_OPTION` where `graceMs` is no whole number, at least 0 or Infinity; nothing stops then
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value */
export function createTaskManager(options: TaskManagerOptions = {}): TaskManager {
  checkOptions('createTaskManager', options, MANAGER_OPTION_RULES);
  const { owner, allowedOrigins = [], allowCrossSite = false, tasksPath, publicPath = tasksPath } = options;
  const isAllowed = allowedOrigins.length === 0 ? undefined : createOriginList(allowedOrigins);
  const resolved = resolveOptions(options);
  const wires = new Wires(options.wires);
  const engine = new Engine(resolved, options.store, wires.encode);
  const heartbeat = new Heartbeat(resolved);
  const requests = new TaskRequests(engine, { owner, isAllowed, allowCrossSite, publicPath, wires }, heartbeat);
  let stopped: Promise<void> | undefined;

  return {
    async executeWithSSE<P, R>(
      req: AnyRequest,
      resumeKey: string | null | undefined,
      subscriberId: string | null | undefined,
      asyncTask: AsyncTask<P, R>,
      timeoutMs?: number,
    ) {
      assertOption(typeof asyncTask === 'function', 'asyncTask', 'a function', asyncTask);
      const subscriber = subscriberId ?? undefined;
      assertOption(subscriber === undefined || isIdentity(subscriber), 'subscriberId', IDENTITY_RULE, subscriber);
      if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs);
      assertServable(req, STREAM_METHODS);
      const execution = { job: asyncTask as AsyncTask, timeoutMs, input: () => undefined };
      const stream = await requests.execute(req, readResume(req, resumeKey), subscriber, execution);
      return stream as TaskStream<P, R>;
    },

    handler: (asyncTask, handlerOptions = {}) =>
      createHandler(requests, asyncTask as AsyncTask, handlerOptions as HandlerOptions),

    async startTask(req, asyncTask, options = {}) {
      assertOption(typeof asyncTask === 'function', 'asyncTask', 'a function', asyncTask);
      checkOptions('startTask', options, START_OPTION_RULES);
      const { input, idempotencyKey: given, ...times } = options;
      const key = given === undefined ? readIdempotencyKey(req) : checkIdempotencyKey(given);
      const idempotency = key === undefined ? undefined : { key, readFingerprint: () => fingerprintOf(req, input) };
      const execution = { job: asyncTask as AsyncTask, input: () => input, ...times };
      const { taskId, resumeKey } = (await requests.start(req, execution, idempotency)).record;
      return { taskId, resumeKey };
    },

    router: (routerOptions = {}) => createTaskRouter(requests, routerOptions),

    updateProgress: async (taskId, data) => (await engine.run(taskId)).updateProgress(data),

    async completeTask(taskId, status, outcome) {
      assertOption(['completed', 'failed'].includes(status), 'status', "'completed' or 'failed'", status);
      const run = await engine.run(taskId);
      await (status === 'completed' ? run.complete(outcome) : run.fail(outcome));
    },

    cancelTask: (taskId, reason = 'The task was cancelled') => engine.cancel(taskId, reason),
    getTaskInfo: async (taskId) => toTaskInfo(await engine.find({ taskId }, true)),

    async listTasks(options = {}) {
      checkOptions('listTasks', options, LIST_OPTION_RULES);
      const { limit = 100, ...filter } = options;
      return (await engine.store.list({ limit, ...filter })).map(toTaskSummary);
    },

    getStatistics: () => ({
      running: engine.running,
      connections: heartbeat.size,
      ...engine.store.sizes(),
      ...engine.counts,
    }),

    async stop(options = {}) {
      checkOptions('stop', options, STOP_OPTION_RULES);
      await (stopped ??= stop(engine, heartbeat, options.graceMs ?? 0));
    },
  };
}

async function stop(engine: Engine, heartbeat: Heartbeat, graceMs: number): Promise<void> {
  // Where another instance serves the same tasks, clients need not wait here for the end of theirs.
  if (engine.store.shared) heartbeat.retireAll();
  await engine.stop(graceMs);
  heartbeat.retireAll();
}
