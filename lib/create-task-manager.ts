/** Puts the parts of a task manager together. */
import type { IncomingMessage } from 'node:http';
import { IDENTITY_RULE, isIdentity } from './core/callbacks.js';
import { Engine } from './core/engine/engine.js';
import { resolveOptions } from './core/engine/engine-options.js';
import { stayAlive } from './core/clock.js';
import { optional } from './core/optional-promise.js';
import { assertOption, checkOptions } from './core/check-options.js';
import { toTaskInfo, toTaskSummary, type AsyncTask, type TaskProgress, type TaskResult } from './core/task/task.js';
import type { Execution } from './http/admission.js';
import { TaskRequests } from './http/task-requests.js';
import { assertServable, STREAM_METHODS } from './http/guards.js';
import { assertWaiting, presenceOf } from './http/presence.js';
import { createHandler, type HandlerOptions } from './express/task-handler.js';
import { fingerprintOf, fingerprintOfInput } from './http/fingerprint.js';
import { createOriginList } from './http/origins.js';
import { checkIdempotencyKey, readIdempotencyKey } from './http/idempotency-key.js';
import { readResume, type AnyRequest } from './http/read-request.js';
import { createResume } from './express/resume.js';
import { createTaskRouter } from './express/task-router.js';
import type { TaskManager } from './manager-types.js';
import {
  checkTaskRef,
  DETACHED_START_OPTION_RULES,
  LIST_OPTION_RULES,
  MANAGER_OPTION_RULES,
  START_OPTION_RULES,
  STOP_OPTION_RULES,
  type DetachedStartOptions,
  type ExecuteOptions,
  type StartOptions,
  type TaskManagerOptions,
} from './manager-options.js';
import { Heartbeat } from './sse/heartbeat.js';
import type { TaskStream } from './sse/task-stream.js';
import { Wires } from './wires/wires.js';

/**
 * Makes a task manager, which owns its tasks until `stop`.
 * @throws TaskError `INVALID_OPTION` naming the option, the rule and the value
 * @example
 * const tasks = createTaskManager({ owner: (req) => req.user?.id });
 * app.get('/report', tasks.handler(buildReport));
 */
export function createTaskManager(given: TaskManagerOptions = {}): TaskManager {
  const options = checkOptions('createTaskManager', given, MANAGER_OPTION_RULES);
  const { owner, allowedOrigins = [], allowCrossSite = false, tasksPath, publicPath = tasksPath } = options;
  const isAllowed = allowedOrigins.length === 0 ? undefined : createOriginList(allowedOrigins);
  const resolved = resolveOptions(options);
  const wires = new Wires(options.wires);
  const engine = new Engine(resolved, options.store, wires);
  const heartbeat = new Heartbeat(resolved);
  const requests = new TaskRequests(engine, { owner, isAllowed, allowCrossSite, publicPath, wires }, heartbeat);
  let stopped: Promise<void> | undefined;

  const executionOf = (req: AnyRequest, job: AsyncTask, { input, wire, slot, ...how }: StartOptions): Execution => ({
    ...how,
    job,
    input: () => input,
    wire: wires.resolve(wire),
    slot: slot && (() => slot(req as IncomingMessage)),
  });

  return {
    async executeWithSSE<P, R>(
      req: AnyRequest,
      resumeKey: string | null | undefined,
      subscriberId: string | null | undefined,
      asyncTask: AsyncTask<P, R>,
      given: number | ExecuteOptions = {},
    ) {
      assertOption(typeof asyncTask === 'function', 'the job', 'a function', asyncTask);
      const subscriber = subscriberId ?? undefined;
      assertOption(subscriber === undefined || isIdentity(subscriber), 'subscriberId', IDENTITY_RULE, subscriber);
      const named: StartOptions = typeof given === 'object' ? given : { timeoutMs: given };
      const options = checkOptions('executeWithSSE', named, START_OPTION_RULES);
      const presence = presenceOf(req);
      assertWaiting(presence);
      assertServable(req, STREAM_METHODS, presence);
      const execution = executionOf(req, asyncTask as AsyncTask, options);
      const stream = await requests.execute(req, readResume(req, resumeKey), subscriber, execution);
      return stream as TaskStream<TaskProgress<P>, TaskResult<R>>;
    },

    handler: (asyncTask, handlerOptions = {}) =>
      createHandler(requests, asyncTask as AsyncTask, handlerOptions as HandlerOptions),

    async startTask(req, asyncTask, given = {}) {
      assertOption(typeof asyncTask === 'function', 'the job', 'a function', asyncTask);
      const options = checkOptions<StartOptions>('startTask', given, START_OPTION_RULES);
      const { input, idempotencyKey } = options;
      const key = idempotencyKey === undefined ? readIdempotencyKey(req) : checkIdempotencyKey(idempotencyKey);
      const idempotency = key === undefined ? undefined : { key, readFingerprint: () => fingerprintOf(req, input) };
      const execution = executionOf(req, asyncTask as AsyncTask, options);
      const { taskId, resumeKey } = (await requests.start(req, execution, idempotency)).record;
      return { taskId, resumeKey };
    },

    async start(asyncTask, options = {}) {
      assertOption(typeof asyncTask === 'function', 'the job', 'a function', asyncTask);
      const read = checkOptions<DetachedStartOptions>('start', options, DETACHED_START_OPTION_RULES);
      const { owner: startOwner, slot, idempotencyKey: given, input, wire, ...how } = read;
      const job = asyncTask as AsyncTask;
      const execution = { ...how, job, input: () => input, slot: () => slot, wire: wires.resolve(wire) };
      const key = given === undefined ? undefined : checkIdempotencyKey(given);
      const idempotency = key === undefined ? undefined : { key, readFingerprint: () => fingerprintOfInput(input) };
      const { taskId, resumeKey } = (await requests.startFor(startOwner, execution, idempotency)).record;
      return { taskId, resumeKey };
    },

    resume: (resumeOptions) => createResume(requests, resumeOptions),

    async find(ref) {
      await engine.yielder.next();
      const record = await engine.lookUp(checkTaskRef(ref), true);
      return record && toTaskInfo(record);
    },

    router: (routerOptions = {}) => createTaskRouter(requests, routerOptions),

    // A task that runs here takes it at once, so that calls keep their order and data its value.
    updateProgress: (taskId, data) => engine.run(taskId)?.updateProgress(data) ?? optional(engine.refuse(taskId)),

    completeTask(taskId, status, outcome) {
      const complete = async (): Promise<void> => {
        assertOption(['completed', 'failed'].includes(status), 'status', "'completed' or 'failed'", status);
        const run = engine.run(taskId);
        if (run === undefined) return engine.refuse(taskId);
        await (status === 'completed' ? run.complete(outcome) : run.fail(outcome));
      };
      return optional(complete());
    },

    cancelTask(taskId, reason = 'The task was cancelled') {
      const cancel = async (): Promise<boolean> => {
        assertOption(typeof reason === 'string', 'reason', 'a string', reason);
        await engine.yielder.next();
        return engine.cancel(taskId, reason);
      };
      return optional(cancel());
    },

    async getTaskInfo(taskId) {
      await engine.yielder.next(); // so that a loop that polls starves nobody
      return toTaskInfo(await engine.find({ taskId }, true));
    },

    async listTasks(options = {}) {
      const { limit = 100, ...filter } = checkOptions('listTasks', options, LIST_OPTION_RULES);
      await engine.yielder.next();
      return (await engine.store.list({ limit, ...filter })).map(toTaskSummary);
    },

    getStatistics: () => ({
      running: engine.running,
      settling: engine.settling.size,
      connections: heartbeat.size,
      ...engine.store.sizes(),
      ...engine.counts,
    }),

    async stop(options = {}) {
      const { graceMs = 0 } = checkOptions('stop', options, STOP_OPTION_RULES);
      await (stopped ??= stop(engine, heartbeat, graceMs));
    },
  };
}

async function stop(engine: Engine, heartbeat: Heartbeat, graceMs: number): Promise<void> {
  // Clients need not wait here for their tasks to end if other instances serve the same tasks.
  if (engine.store.shared) heartbeat.sendAllAway();
  const release = stayAlive(engine.options.clock); // jobs and the store may only be waited for with timers
  await engine.stop(graceMs).finally(release);
  heartbeat.sendAllAway();
}
