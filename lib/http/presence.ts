/** Tells whether anybody still waits for the answer to a request. Ask again after each await. */
import type { ServerResponse } from 'node:http';
import { TaskError } from '../core/errors.js';
import type { StreamResponse } from '../sse/connection.js';
import { isOver, isQueued } from '../sse/guarded-response.js';
import type { AnyRequest } from './read-request.js';

/** The current state of a request. */
export interface Presence {
  /** Tells whether the client is still there and nobody has answered the request yet. */
  readonly isWaiting: () => boolean;
  /** True where another request on the connection has to be answered first. */
  readonly isQueued: boolean;
}

/**
 * Returns the state of `req`. Where the caller does not have its response, that is found: Express notes it on the
 * request, and Node on the socket for the request whose turn it is; over HTTP/2 the stream knows as much.
 */
export function presenceOf(req: AnyRequest, given?: StreamResponse): Presence {
  const current = currentResponse(req);
  const res = given ?? (req.res as ServerResponse | undefined) ?? (current?.req === req ? current : undefined);
  if (res !== undefined) return { isWaiting: () => !isOver(res), isQueued: !isOver(res) && isQueued(res) };
  if ('stream' in req) {
    const { stream } = req;
    return { isWaiting: () => !stream.destroyed && !stream.headersSent, isQueued: false };
  }
  const socket = req.socket as AnyRequest['socket'] | undefined;
  return { isWaiting: () => current !== null && socket?.destroyed !== true, isQueued: Boolean(current) };
}

/** @throws TaskError `REQUEST_OVER` where nobody waits for an answer */
export function assertWaiting(presence: Presence | undefined): void {
  if (presence?.isWaiting() === false) throw requestOver();
}

/**
 * Awaits `answer`, then looks whether anybody still waits for what comes of it.
 * @param presence undefined where that makes no difference
 * @throws TaskError `REQUEST_OVER`
 */
export async function whileWaiting<T>(presence: Presence | undefined, answer: Promise<T>): Promise<T> {
  const value = await answer;
  assertWaiting(presence);
  return value;
}

/** Returns the error for a handler whose request is over. Such a request needs no answer, and must not get one. */
export const requestOver = (): TaskError =>
  new TaskError('REQUEST_OVER', 'The request was answered before, or its client has left');

/**
 * Returns the response whose turn it is; null where all requests of the connection have been answered, undefined where
 * the server is none of Node's. Node keeps it in this private member only.
 */
const currentResponse = ({ socket }: AnyRequest): ServerResponse | null | undefined =>
  (socket as { _httpMessage?: ServerResponse | null } | undefined)?._httpMessage;
