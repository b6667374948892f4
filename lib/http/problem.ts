/** Answers refused requests as `application/problem+json` (RFC 9457). */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { TaskError } from '../core/errors.js';
import type { StreamResponse } from '../sse/connection.js';
import { listenForErrors } from '../sse/guarded-response.js';
import { attempt, bodyFor } from '../sse/whole-answer.js';
import { http2StreamOf } from '../sse/transport.js';
import type { Wire } from '../sse/wire.js';

/**
 * Answers a TaskError as problem+json with a `code` member, if a request can be refused with it. Returns false, and
 * sends nothing, for every other error and where the headers have already been sent.
 *
 * `REQUEST_OVER` counts as answered, because nobody waits any more. An error handler that tried to answer would cut the
 * connection, which may already carry the next request.
 *
 * @param refusal words the body for clients of another wire; default: problem+json
 * @example if (!sendProblem(res, error)) next(error);
 */
export function sendProblem(res: StreamResponse, error: unknown, refusal?: Wire['refusal']): boolean {
  try {
    return refuse(res, error, refusal);
  } catch {
    return false; // anything can be made to look like a TaskError
  }
}

/**
 * Does the same as `sendProblem`, but throws where `error` cannot be looked at or worded. A response whose own functions
 * throw is cut.
 */
export function refuse(res: StreamResponse, error: unknown, refusal: Wire['refusal'] = toProblem): boolean {
  if (!(error instanceof TaskError)) return false;
  if (error.code === 'REQUEST_OVER') return true;
  if (!error.expose || res.headersSent) return false;
  const { code, message: detail, status, headers } = error;
  const { contentType, body } = refusal({ status, code, detail });
  attempt(res, 'end', () => {
    listenForErrors(res);
    res.statusCode = status;
    res.setHeader('Content-Type', contentType);
    for (const [name, value] of Object.entries(headers)) {
      // HTTP/2 has no such header, and Node would warn the process.
      if (name !== 'Connection' || http2StreamOf(res) === undefined) res.setHeader(name, value);
    }
    return (res as ServerResponse).end(bodyFor(res, body));
  });
  return true;
}

const toProblem: NonNullable<Wire['refusal']> = ({ status, code, detail }) => ({
  contentType: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code }),
});

/**
 * Answers TaskErrors of a route as problem+json, and hands every other error on. An error middleware of Express.
 * @example app.use(problemHandler); // after the routes
 */
export const problemHandler: ErrorRequestHandler = (error, _req, res, next) => {
  if (!sendProblem(res, error)) next(error);
};
