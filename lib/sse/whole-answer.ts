/**
 * Sends heads, and answers in one piece, on responses whose functions a middleware may have replaced by its own. Where
 * one of them throws, the response is cut: no error handler could answer it, and Express's own would end the process.
 */
import type { ServerResponse } from 'node:http';
import { warnOfFailure } from '../core/callbacks.js';
import type { StreamResponse } from './guarded-response.js';

type Headers = Readonly<Record<string, string | number>>;

/** Headers of an answer that a key, an owner or a position decides about, and that no cache may keep. */
const NO_STORE = { 'Cache-Control': 'no-store' };

/** Sends status and headers with what is written next. Returns false where the response has failed. */
export function sendHead(res: StreamResponse, status: number, headers: Headers): boolean {
  // Many middlewares replace writeHead by a function that returns nothing, so its return value is not used.
  return attempt(res, 'writeHead', () => (res as ServerResponse).writeHead(status, headers));
}

/**
 * Answers, unless somebody else, such as a time-out middleware, has answered already. Returns false where the client is
 * told nothing.
 */
export function sendWhole(res: StreamResponse, status: number, headers: Headers, body?: string | Buffer): boolean {
  if (res.headersSent || res.writableEnded || !sendHead(res, status, headers)) return false;
  return attempt(res, 'end', () => (res as ServerResponse).end(body));
}

/** Answers 204. */
export function sendNoContent(res: StreamResponse, headers: Headers = NO_STORE): void {
  sendWhole(res, 204, headers);
}

/** Calls functions of a response. Where one throws, the response is cut. Never throws. */
export function attempt(res: StreamResponse, name: string, act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    warnOfFailure(`${name} of a response`, error);
    if (name !== 'destroy') attempt(res, 'destroy', () => res.destroy());
    return false;
  }
}
