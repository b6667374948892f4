/** Makes `tasks.handler`, a middleware that starts a task and streams it, or returns to a task that exists. */
import type { Request } from 'express';
import { askCallback, askSyncCallback, readIdentity } from '../core/callbacks.js';
import { ruleOf } from '../core/engine/engine-options.js';
import { A_FUNCTION, assertOption, checkOptions, nested, required, type OptionRules } from '../core/check-options.js';
import { ON_BUSY_RULE, type OnBusy } from '../core/run/start-request.js';
import type { SnapshotOptions } from '../core/run/snapshot.js';
import type { AsyncTask } from '../core/task/task.js';
import { fingerprintOfPayload } from '../http/fingerprint.js';
import { assertAcceptsStream } from '../http/guards.js';
import { sendJson } from '../http/json-answer.js';
import { prefersAsync, queryOf, readResume, resourceOf, type AnyRequest } from '../http/read-request.js';
import { answerSafely, serve, type Answer, type Middleware } from '../http/routes.js';
import type { TaskRequests } from '../http/task-requests.js';
import type { StreamResponse } from '../sse/connection.js';
import { eventsPath, placeHeaders, RESUME_KEY_HEADER, TASK_ID_HEADER } from '../sse/headers.js';
import type { TaskStream } from '../sse/task-stream.js';
import type { Wire } from '../sse/wire.js';
import { WIRE_RULE, type WireName } from '../wires/wires.js';

/** Options of `tasks.handler`. */
export interface HandlerOptions<P = unknown, I = unknown, S = unknown> {
  /** The time that a task may run, in ms; Infinity for no limit. Default: the manager's. */
  timeoutMs?: number;
  /**
   * Identifies the subscriber, so that it can return without a cursor: 1 to 256 characters, at once and not as a
   * promise. Default: one per connection.
   */
  subscriberId?: (req: Request) => string | undefined;
  /** Makes `context.input`. Throw a TaskError `INVALID_INPUT` for a 400. Default: `{ params, query, body }`. */
  input?: (req: Request) => I | Promise<I>;
  /**
   * Returns what a start asks for, as JSON or bytes. A start with a known idempotency key and another payload is
   * refused with 422. Default: the query, the body and the files. Give it where the query holds a token that changes,
   * or where nobody has parsed the body.
   */
  payload?: (req: Request) => unknown;
  /** The time for which a task runs on with nobody attached, in ms. Default: the manager's. */
  abandonAfterMs?: number;
  /**
   * Names the handler, with the same name on all instances. With `onLost: 'restart'` any instance that has mounted the
   * handler runs its lost tasks again by itself. Without a name, only a request of the same method to the same path
   * runs a task again.
   */
  name?: string;
  /**
   * Folds progress into a state that clients get instead of a `gap`, or at once with `?replay=snapshot`. Default: none.
   */
  snapshot?: SnapshotOptions<P, S>;
  /**
   * Chooses the framing of the events, and so the kind of client. Default 'default', which `docs/PROTOCOL.md`
   * describes.
   */
  wire?: WireName | Wire;
  /**
   * Names the slot that the task runs in, such as a chat: at most one task of an owner runs in a slot. 1 to 256
   * characters, or undefined for none, the default. Without the manager's option `owner`, anyone who knows a slot can
   * reach its task.
   */
  slot?: (req: Request) => string | undefined;
  /**
   * Decides about a start whose slot is taken. 'reject', the default, answers 409 `SLOT_BUSY` with a `Link` to the
   * running task. 'attach' joins that task. 'interrupt' cancels it first, with `TASK_SUPERSEDED`.
   */
  onBusy?: OnBusy;
}

const SNAPSHOT_RULES: OptionRules<SnapshotOptions> = { initial: required(A_FUNCTION), reduce: required(A_FUNCTION) };
const HANDLER_RULES: OptionRules<HandlerOptions> = {
  timeoutMs: ruleOf('timeoutMs'),
  subscriberId: A_FUNCTION,
  input: A_FUNCTION,
  payload: A_FUNCTION,
  abandonAfterMs: ruleOf('abandonAfterMs'),
  name: { text: 'a string that is not empty', accepts: (value) => typeof value === 'string' && value !== '' },
  snapshot: nested(SNAPSHOT_RULES),
  wire: WIRE_RULE,
  slot: A_FUNCTION,
  onBusy: ON_BUSY_RULE,
};

/** @throws TaskError `INVALID_OPTION` naming the option, the rule and the value */
export function createHandler(requests: TaskRequests, job: AsyncTask, given: HandlerOptions): Middleware {
  assertOption(typeof job === 'function', 'the job', 'a function', job);
  const options = checkOptions('tasks.handler', given, HANDLER_RULES);
  assertOption(
    options.onBusy === undefined || options.slot !== undefined,
    'onBusy',
    'given with a slot',
    options.onBusy,
  );
  const { name, timeoutMs, abandonAfterMs, snapshot, subscriberId, input = inputOf, payload, slot, onBusy } = options;
  const wire = requests.options.wires.resolve(options.wire);
  if (snapshot !== undefined) assertSnapshotOn(wire, snapshot);
  const execution = { name, job, timeoutMs, abandonAfterMs, snapshot, wire, onBusy };
  if (name !== undefined) requests.register(name, { ...execution, input: () => undefined });

  const answer: Answer = async (req, res) => {
    const request = req as Request;
    const resume = readResume(req, undefined);
    const isDetached = resume.resumeKey === undefined && prefersAsync(req);
    if (!isDetached) assertAcceptsStream(req, wire.accepts);
    const readFingerprint =
      payload && (async () => fingerprintOfPayload(req, await askCallback('payload', payload, request)));
    const subscriber = subscriberId && askSyncCallback('subscriberId', subscriberId, request);
    const stream = await requests.execute(req, resume, readIdentity('subscriberId', subscriber), {
      ...execution,
      readFingerprint,
      input: () => input(request),
      slot: slot && (() => slot(request)),
    });
    if (stream.isOver(res)) return;
    if (!isDetached) await stream.begin(res);
    else if (!answerAccepted(req, res, stream, requests.options.publicPath)) stream.abandon();
  };

  const answers = { GET: answer, POST: answer };
  const middleware: Middleware = (req, res, next) => {
    // A client with a cursor reconnects, so it does not show the body of a refusal to anybody.
    const refusal = req.headers['last-event-id'] === undefined ? wire.refusal : undefined;
    answerSafely(res, next, () => serve(req, res, answers, requests.options.isAllowed), refusal);
  };
  return middleware;
}

/** @throws TaskError `INVALID_OPTION` where the state that a handler folds could not be told to its clients */
function assertSnapshotOn(wire: Wire, snapshot: unknown): void {
  const fits = wire.snapshot !== undefined && wire.fold === undefined;
  assertOption(fits, 'snapshot', `undefined on the wire ${wire.name}, which has none or folds its own`, snapshot);
}

/** Returns the default input. Servers without a router leave the parsing of the query to us. */
function inputOf(req: AnyRequest | Request): unknown {
  const { params = {}, query = Object.fromEntries(queryOf(req as AnyRequest)), body } = req as AnyRequest;
  return { params, query, body };
}

/**
 * Answers 202 with the place where clients attach by GET: below the router, if its place is known, else the same URL,
 * whose handler now finds the task. The URL contains the key, so that a plain EventSource can use it.
 */
function answerAccepted(
  req: AnyRequest,
  res: StreamResponse,
  { taskId, resumeKey }: TaskStream,
  publicPath: string | undefined,
): boolean {
  const { path, query } = resourceOf(req);
  query.set('resume_key', resumeKey);
  const location =
    publicPath === undefined ? `${path}?${query}` : `${eventsPath(publicPath, taskId)}?resume_key=${resumeKey}`;
  return sendJson(res, { task_id: taskId, resume_key: resumeKey }, 202, {
    Location: location,
    'Preference-Applied': 'respond-async',
    [TASK_ID_HEADER]: taskId,
    [RESUME_KEY_HEADER]: resumeKey,
    ...placeHeaders(publicPath, taskId),
  });
}
