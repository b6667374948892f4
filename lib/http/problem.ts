import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler } from 'express';
import { TaskError, type HttpErrorCode } from '../core/errors.js';
import type { StreamResponse } from '../sse/connection.js';

/** The one table from codes to HTTP statuses. A code without a status does not compile. */
const STATUS: Readonly<Record<HttpErrorCode, number>> = {
  TASK_NOT_FOUND: 404,
  TASK_EXPIRED: 410,
  TASK_NOT_RUNNING: 409,
  TASK_RUNNING: 409,
  INVALID_RESUME_KEY: 400,
  INVALID_CURSOR: 400,
  INVALID_INPUT: 400,
  INVALID_EVENT_NAME: 400,
  RESERVED_EVENT_NAME: 400,
  INVALID_EVENT_ID: 400,
  INVALID_JSON: 400,
  UNSERIALIZABLE: 400,
  EVENT_TOO_LARGE: 413,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  CLIENT_NOT_FOUND: 404,
  NOT_ACCEPTABLE: 406,
  AT_CAPACITY: 503,
  TOO_MANY_TASKS: 429,
  TOO_MANY_SUBSCRIBERS: 429,
  TOO_MANY_CLIENTS: 429,
  KEY_REUSED: 422,
  ORIGIN_NOT_ALLOWED: 403,
  PREFETCH_REFUSED: 403,
  METHOD_NOT_ALLOWED: 405,
  PIPELINING: 409,
  STORE_UNAVAILABLE: 503,
  INVALID_CLIENT_ID: 400,
  CLIENT_OFFLINE: 410,
  NO_WORKER: 503,
  WORKER_LOST: 502,
  WORKER_TIMEOUT: 504,
  WORKER_PROTOCOL_ERROR: 502,
  SHUTDOWN: 503,
};

const isHttpErrorCode = (code: string): code is HttpErrorCode => Object.hasOwn(STATUS, code);

/**
 * Answers a TaskError that a request can be refused with as `application/problem+json` (RFC 9457) with a `code`
 * member. False, and nothing sent, for every other error and where the headers are out already.
 *
 * @param allow the methods that a 405 names
 */
export function sendProblem(res: StreamResponse, error: unknown, allow = 'GET, POST, OPTIONS'): boolean {
  if (!(error instanceof TaskError) || !isHttpErrorCode(error.code) || res.headersSent) return false;
  const { code, message } = error;
  const status = STATUS[code];
  res.statusCode = status;
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Cache-Control', 'no-store');
  if (status === 405) res.setHeader('Allow', allow);
  // Jittered, so that a crowd that was refused at once does not come back at once.
  if (status === 429 || status === 503) res.setHeader('Retry-After', String(1 + Math.floor(Math.random() * 5)));
  // What is pipelined behind this request would only be queued again.
  if (code === 'PIPELINING') res.setHeader('Connection', 'close');
  res.end(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail: message, code }));
  return true;
}

/** Express error middleware: what `executeWithSSE` throws becomes problem+json, everything else goes on. */
export const problemHandler: ErrorRequestHandler = (error, _req, res, next) => {
  if (!sendProblem(res, error)) next(error);
};
