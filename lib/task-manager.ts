import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { RequestHandler, Router } from 'express';
import { IDENTITY_RULE, isIdentity } from './core/callbacks.js';
import { Engine } from './core/engine.js';
import { ENGINE_OPTION_RULES, resolveOptions, ruleOf, type EngineOptions } from './core/engine-options.js';
import {
  A_FUNCTION,
  ANYTHING,
  assertOption,
  checkOptions,
  checkOrigins,
  oneOf,
  wholeNumber,
  type OptionRule,
  type OptionRules,
} from './core/options.js';
import type { TaskStatus } from './core/status.js';
import { toTaskInfo, type AsyncTask, type TaskInfo } from './core/task.js';
import { TaskRequests } from './http/task-requests.js';
import { assertServable, STREAM_METHODS } from './http/guards.js';
import { createHandler, type HandlerOptions } from './express/handler.js';
import { checkIdempotencyKey, fingerprintOf, readIdempotencyKey, readResume, type AnyRequest } from './http/request.js';
import { createRouter, type RouterOptions } from './express/router.js';
import { Heartbeat } from './sse/heartbeat.js';
import type { TaskStream } from './sse/task-stream.js';
import type { Wire } from './sse/wire.js';
import { Wires, WIRES_RULE } from './wires/wires.js';

/** Durations in ms, sizes in bytes. */
export interface TaskManagerOptions extends EngineOptions {
  /** Who makes a request; only they may resume, see, list and cancel what they start. Default: the resume key decides. */
  owner?: (req: IncomingMessage) => string | undefined | Promise<string | undefined>;
  /** Origins whose pages may start and read tasks across sites, as `https://app.example`. Default: none. */
  allowedOrigins?: readonly string[];
  /**
   * Where clients find `router()`: `/api/tasks`, or a whole URL, with whatever prefix a proxy cuts off. Streams and 202
   * answers then say where their task can be attached to (`Content-Location`, `Location`) and cancelled (`Link`).
   * Default: they say nothing.
   */
  publicPath?: string;
  /** The same, under its older name. */
  tasksPath?: string;
  /** Wires of your own, so that this instance can serve tasks that others have started on them. Default: none. */
  wires?: readonly Wire[];
}

export interface StartOptions<I = unknown> {
  input?: I;
  timeoutMs?: number;
  abandonAfterMs?: number;
  idempotencyKey?: string;
  /** The name of the handler whose instances may run the task again, with `onLost: 'restart'`. */
  name?: string;
}

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
  router(options?: RouterOptions): Router;

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
  /** Newest first; `limit` defaults to 100. @throws TaskError `INVALID_OPTION` */
  listTasks(filter?: { status?: TaskStatus; owner?: string; limit?: number }): Promise<TaskInfo[]>;
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
  const { owner, allowedOrigins = [], tasksPath, publicPath = tasksPath } = options;
  checkOrigins(allowedOrigins);
  const resolved = resolveOptions(options);
  const wires = new Wires(options.wires);
  const engine = new Engine(resolved, options.store, wires.encode);
  const heartbeat = new Heartbeat(resolved);
  const requests = new TaskRequests(engine, { owner, allowedOrigins, publicPath, wires }, heartbeat);
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
      assertServable(req, STREAM_METHODS);
      const execution = { job: asyncTask as AsyncTask, timeoutMs, input: () => undefined };
      const stream = await requests.execute(req, readResume(req, resumeKey), subscriberId ?? undefined, execution);
      return stream as TaskStream<P, R>;
    },

    handler: (asyncTask, handlerOptions = {}) =>
      createHandler(requests, asyncTask as AsyncTask, handlerOptions as HandlerOptions),

    async startTask(req, asyncTask, options = {}) {
      assertOption(typeof asyncTask === 'function', 'asyncTask', 'a function', asyncTask);
      checkOptions('startTask', options, START_OPTION_RULES);
      const { input, idempotencyKey: given, ...times } = options;
      const key = given === undefined ? readIdempotencyKey(req) : checkIdempotencyKey(given);
      const idempotency = key === undefined ? undefined : { key, fingerprint: fingerprintOf(req, input) };
      const execution = { job: asyncTask as AsyncTask, input: () => input, ...times };
      const { taskId, resumeKey } = (await requests.start(req, execution, idempotency)).record;
      return { taskId, resumeKey };
    },

    router: (routerOptions = {}) => createRouter(requests, routerOptions),

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
      return (await engine.store.list({ limit, ...filter })).map(toTaskInfo);
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

/** It goes into headers as it is, into one of them between angle brackets. */
const A_PATH: OptionRule = {
  text: 'a path or URL such as /tasks',
  accepts: (path) => typeof path === 'string' && /^(?:\/|https?:\/\/)[\x21-\x7e]*$/.test(path) && !/[<>"]/.test(path),
};

const MANAGER_OPTION_RULES: OptionRules<TaskManagerOptions> = {
  ...ENGINE_OPTION_RULES,
  owner: A_FUNCTION,
  allowedOrigins: { text: 'an array', accepts: Array.isArray },
  publicPath: A_PATH,
  tasksPath: A_PATH,
  wires: WIRES_RULE,
};
const START_OPTION_RULES: OptionRules<StartOptions> = {
  input: ANYTHING,
  timeoutMs: ruleOf('timeoutMs'),
  abandonAfterMs: ruleOf('abandonAfterMs'),
  name: { text: 'a string that is not empty', accepts: (value) => typeof value === 'string' && value !== '' },
  idempotencyKey: ANYTHING, // what is wrong with it is an answer to the request
};
const LIST_OPTION_RULES: OptionRules<{ status?: TaskStatus; owner?: string; limit?: number }> = {
  status: oneOf('running', 'completed', 'failed', 'cancelled'),
  owner: { text: IDENTITY_RULE, accepts: isIdentity },
  limit: wholeNumber([100, 0, Infinity]),
};
const STOP_OPTION_RULES: OptionRules<{ graceMs?: number }> = { graceMs: wholeNumber([0, 0, Infinity]) };

async function stop(engine: Engine, heartbeat: Heartbeat, graceMs: number): Promise<void> {
  // Where another instance serves the same tasks, clients need not wait here for the end of theirs.
  if (engine.store.shared) heartbeat.retireAll();
  await engine.stop(graceMs);
  heartbeat.retireAll();
}
