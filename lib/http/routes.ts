/** Serves a handful of routes as one plain `(req, res, next)` function, which any framework of that shape can mount. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { warnOfFailure } from '../core/callbacks.js';
import type { StreamResponse } from '../sse/connection.js';
import { attempt } from '../sse/whole-answer.js';
import type { Wire } from '../sse/wire.js';
import { allowOrigin, answerOptions } from './cors.js';
import { assertServable } from './guards.js';
import type { OriginList } from './origins.js';
import { assertWaiting, presenceOf } from './presence.js';
import { refuse } from './problem.js';
import { pathOf, type AnyRequest } from './read-request.js';

/** Hands a request, or the error that it led to, on to the next middleware. */
export type Next = (error?: unknown) => void;

/** A middleware of Express 4 and 5, Connect and Polka, which takes the request and response of Node from any framework. */
export type Middleware = (
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Answers one request. `params` holds the parts of the path that the route names. */
export type Answer = (req: AnyRequest, res: StreamResponse, params: Readonly<Record<string, string>>) => unknown;

/** The answers at a path, by method. A part of the path that begins with a colon stands for any text. */
export interface Route {
  readonly path: string;
  readonly answers: Readonly<Record<string, Answer>>;
}

/** Answers requests that match a route, with CORS and problem+json; hands all others on. */
export function serveRoutes(routes: readonly Route[], isAllowed: OriginList | undefined): Middleware {
  return (req, res, next) => {
    for (const { path, answers } of routes) {
      const params = matchPath(path, pathOf(req.url ?? '/'));
      if (params === undefined) continue;
      noteParams(req, params);
      answerSafely(res, next, () => serve(req, res, answers, isAllowed, params));
      return;
    }
    next();
  };
}

/**
 * Runs `answer`. An error becomes problem+json, or goes on to `next`. Never throws, and no promise of it rejects: nobody
 * could catch that.
 * @param refusal as for `sendProblem`
 */
export function answerSafely(res: StreamResponse, next: Next, answer: () => unknown, refusal?: Wire['refusal']): void {
  const run = async (): Promise<void> => {
    await answer();
  };
  run().catch((error: unknown) => {
    answerError(res, next, error, refusal);
  });
}

/**
 * Refuses a request, whatever the error, and whatever the functions of the response do. Where somebody else has answered
 * the request, nothing is handed on: an error handler would cut the connection, which may already carry the next one.
 */
function answerError(res: StreamResponse, next: Next, error: unknown, refusal: Wire['refusal']): void {
  try {
    if (refuse(res, error, refusal)) return;
  } catch (failure) {
    handOn(res, next, failure);
    return;
  }
  if (res.writableEnded) warnOfFailure('a request that was answered already', error);
  else handOn(res, next, error);
}

/** Calls `next`, and not with a falsy value, which would let the request pass. */
function handOn(res: StreamResponse, next: (error: unknown) => unknown, error: unknown): void {
  attempt(res, 'next', () =>
    next(isFalsy(error) ? new Error('A callback has thrown a value that says nothing', { cause: error }) : error),
  );
}

const isFalsy = (value: unknown): boolean => !value;

/** Does what all routes have in common: CORS, OPTIONS, and the check of the method. */
export async function serve(
  req: AnyRequest,
  res: StreamResponse,
  answers: Readonly<Record<string, Answer>>,
  isAllowed: OriginList | undefined,
  params: Readonly<Record<string, string>> = {},
): Promise<void> {
  const methods = Object.keys(answers);
  const presence = presenceOf(req, res);
  assertWaiting(presence);
  allowOrigin(req, res, isAllowed);
  if (req.method === 'OPTIONS') {
    answerOptions(req, res, methods);
    return;
  }
  assertServable(req, methods, presence);
  await answers[req.method ?? '']?.(req, res, params);
}

/** Matches as Express does by default: a slash at the end and the case of fixed parts make no difference. */
function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const expected = partsOf(pattern);
  const parts = partsOf(path);
  if (parts.length !== expected.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of expected.entries()) {
    const part = parts[index] ?? '';
    if (name.startsWith(':')) params[name.slice(1)] = decode(part);
    else if (part.toLowerCase() !== name) return undefined;
  }
  return params;
}

const partsOf = (path: string): string[] => path.replace(/^\//, '').replace(/\/$/, '').split('/');

/** Decodes a part of a path. Invalid encodings stay as they are, and so name nothing. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Puts the parameters on the request, where callbacks of the application look for them. */
function noteParams(req: AnyRequest, params: Readonly<Record<string, string>>): void {
  req.params = { ...(req.params as object | undefined), ...params };
}
