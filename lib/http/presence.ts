/** Tells whether anybody still waits for the answer to a request, and lets go of work that nobody waits for. */
import type { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { notifyCallback } from '../core/callbacks.js';
import { TaskError } from '../core/errors.js';
import type { StreamResponse } from '../sse/connection.js';
import { isOver, isQueued } from '../sse/guarded-response.js';
import { http2StreamOf } from '../sse/transport.js';
import type { AnyRequest } from './read-request.js';

/** The current state of a request. */
export interface Presence {
  /** Tells whether the client is still there and nobody has answered the request yet. */
  readonly isWaiting: () => boolean;
  /** True where another request on the connection has to be answered first. */
  readonly isQueued: boolean;
  /** Emits `close` when that changes. A mock of an application's tests need not. */
  readonly source: Partial<Pick<EventEmitter, 'on' | 'off'>>;
}

/**
 * Returns the state of `req`. Where the caller does not have its response, that is found: Express notes it on the
 * request, and Node on the socket for the request whose turn it is; over HTTP/2 the stream knows as much.
 */
export function presenceOf(req: AnyRequest, given?: StreamResponse): Presence {
  const current = currentResponse(req);
  const res = given ?? (req.res as ServerResponse | undefined) ?? (current?.req === req ? current : undefined);
  if (res !== undefined) return { isWaiting: () => !isOver(res), isQueued: !isOver(res) && isQueued(res), source: res };
  const stream = http2StreamOf(req);
  if (stream !== undefined) {
    return { isWaiting: () => !stream.destroyed && !stream.headersSent, isQueued: false, source: stream };
  }
  const socket = req.socket as AnyRequest['socket'] | undefined;
  const isWaiting = (): boolean => current !== null && socket?.destroyed !== true;
  return { isWaiting, isQueued: Boolean(current), source: socket ?? {} };
}

/**
 * Returns the same for a start that does not need its client, because a key or the application leads to its task: it
 * goes on until the rest of its body can no longer come.
 */
export function uploadOf(req: AnyRequest): Presence {
  const isHttp2 = http2StreamOf(req) !== undefined;
  const isCut = isHttp2 ? watchStream(req as Http2ServerRequest) : (): boolean => req.destroyed && !req.complete;
  return { isWaiting: () => !isCut(), isQueued: false, source: req };
}

/**
 * Watches a body over HTTP/2, where one that is cut ends like a whole one, and every request is `complete` once it is
 * over. So it counts as cut where the stream was aborted before its end was read, or before anybody watched.
 */
function watchStream(req: Http2ServerRequest): () => boolean {
  const { stream } = req;
  if (stream.endAfterHeaders) return () => false; // there is no body
  let isCut = req.aborted;
  if (!isCut && !stream.readableEnded) req.once('aborted', () => (isCut = !stream.readableEnded));
  return () => isCut;
}

/** @throws TaskError `REQUEST_OVER` where nobody waits for an answer */
export function assertWaiting(presence: Presence | undefined): void {
  if (presence?.isWaiting() === false) throw requestOver();
}

/**
 * Awaits `answer` for as long as anybody waits for what comes of it: a callback that reads an upload never answers once
 * that is cut.
 * @param presence undefined where that makes no difference
 * @throws TaskError `REQUEST_OVER`
 */
export function whileWaiting<T>(presence: Presence | undefined, answer: Promise<T>): Promise<T> {
  if (presence === undefined) return answer;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      if (!presence.isWaiting()) reject(requestOver());
    };
    const stopWatching = (): unknown => presence.source.off?.('close', leave);
    presence.source.on?.('close', leave);
    answer
      .then((value) => {
        leave();
        resolve(value); // makes no difference to one that has been rejected
      }, reject)
      .finally(() => {
        notifyCallback('off of a response', stopWatching); // a middleware may have replaced it
      });
  });
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
