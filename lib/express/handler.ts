import type { Request, RequestHandler, Response } from 'express';
import { checkNumber } from '../core/engine-options.js';
import { assertOption } from '../core/options.js';
import type { SnapshotOptions } from '../core/snapshot.js';
import type { AsyncTask } from '../core/task.js';
import { eventsPath, placeHeaders, RESUME_KEY_HEADER, TASK_ID_HEADER } from '../sse/headers.js';
import type { TaskStream } from '../sse/task-stream.js';
import type { TaskRequests } from '../http/task-requests.js';
import { allowOrigin, answerOptions, assertAcceptsStream, assertServable, STREAM_METHODS } from '../http/guards.js';
import { sendProblem } from '../http/problem.js';
import { prefersAsync, readResume, resourceOf } from '../http/request.js';

const ALLOW = [...STREAM_METHODS, 'OPTIONS'].join(', ');

export interface HandlerOptions<P = unknown, I = unknown, S = unknown> {
  /** In ms; default: the manager's. */
  timeoutMs?: number;
  /** Who subscribes, for coming back without a cursor. Default: one per connection. */
  subscriberId?: (req: Request) => string | undefined;
  /** What the job gets as `context.input`; throw a TaskError `INVALID_INPUT` for a 400. Default: {params, query, body}. */
  input?: (req: Request) => I | Promise<I>;
  /** In ms; default: the manager's. */
  abandonAfterMs?: number;
  /**
   * Which handler this is, the same on all instances. With `onLost: 'restart'` any instance that has mounted it runs its
   * lost tasks again by itself; without a name a task is run again only by a request of the same method to the same path.
   */
  name?: string;
  /** Folds progress into a state that clients get instead of a `gap`, or at once with `?replay=snapshot`. */
  snapshot?: SnapshotOptions<P, S>;
}

/** Express middleware around `executeWithSSE`. */
export function createHandler(
  requests: TaskRequests,
  job: AsyncTask,
  { name, timeoutMs, abandonAfterMs, snapshot, subscriberId, input }: HandlerOptions,
): RequestHandler {
  assertOption(typeof job === 'function', 'the task', 'a function', job);
  if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs);
  if (abandonAfterMs !== undefined) checkNumber('abandonAfterMs', abandonAfterMs);
  if (name !== undefined) {
    assertOption(typeof name === 'string' && name !== '', 'name', 'a string that is not empty', name);
    requests.register(name, { job, timeoutMs, abandonAfterMs, snapshot, input: () => undefined });
  }
  const serve = async (req: Request, res: Response): Promise<void> => {
    allowOrigin(req, res, requests.options.allowedOrigins);
    if (req.method === 'OPTIONS') {
      answerOptions(res, ALLOW);
      return;
    }
    assertServable(req, STREAM_METHODS);
    const resume = readResume(req, undefined);
    const detached = resume.resumeKey === undefined && prefersAsync(req);
    if (!detached) assertAcceptsStream(req);
    const readInput = (): unknown => (input === undefined ? inputOf(req) : input(req));
    const execution = { name, job, timeoutMs, abandonAfterMs, snapshot, input: readInput };
    const stream = await requests.execute(req, resume, subscriberId?.(req), execution);
    if (detached) answerAccepted(req, res, stream, requests.options.publicPath);
    else await stream.begin(res);
  };
  return (req, res, next) => {
    serve(req, res).catch((error: unknown) => {
      if (!sendProblem(res, error)) next(error);
    });
  };
}

const inputOf = ({ params, query, body }: Request): unknown => ({ params, query, body: body as unknown });

/**
 * 202 with where to attach by GET: the router, where clients find it, else the same URL, whose handler now finds the
 * task. The key is part of it, so that a plain EventSource can use it.
 */
function answerAccepted(
  req: Request,
  res: Response,
  { taskId, resumeKey }: TaskStream,
  publicPath: string | undefined,
): void {
  const { path, query } = resourceOf(req);
  query.set('resume_key', resumeKey);
  const location =
    publicPath === undefined ? `${path}?${query}` : `${eventsPath(publicPath, taskId)}?resume_key=${resumeKey}`;
  res.writeHead(202, {
    Location: location,
    'Preference-Applied': 'respond-async',
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json',
    [TASK_ID_HEADER]: taskId,
    [RESUME_KEY_HEADER]: resumeKey,
    ...placeHeaders(publicPath, taskId),
  });
  res.end(JSON.stringify({ task_id: taskId, resume_key: resumeKey }));
}
