/** Tells whether anybody still waits for the answer to a request: it has to be asked again after each await. */
import type { ServerResponse } from 'node:http';
import type { StreamResponse } from '../sse/connection.js';
import { isGone } from '../sse/task-stream.js';
import type { AnyRequest } from './request.js';

/** A request as it is now. */
export interface Presence {
  /** Nobody has answered the request yet, and its client is still there. */
  readonly isWaiting: () => boolean;
  /** The client has closed its connection before anything was answered. */
  readonly isLost: () => boolean;
  /** Another request on the connection has to be answered first. */
  readonly isQueued: boolean;
}

/**
 * Looks for the response to `req`, which Express notes on the request, and Node on the socket for the request whose turn
 * it is; over HTTP/2 the stream knows as much.
 */
export function presenceOf(req: AnyRequest): Presence {
  if ('stream' in req) {
    const { stream } = req;
    return presence(
      () => stream.destroyed,
      () => stream.headersSent,
    );
  }
  const current = currentResponse(req);
  const res = (req.res as ServerResponse | undefined) ?? (current?.req === req ? current : undefined);
  if (res === undefined) {
    const known = presence(
      () => isDestroyed(req.socket),
      () => false,
    );
    return { ...known, isQueued: current !== undefined };
  }
  const known = presence(
    () => isGone(res),
    () => isAnswered(res),
  );
  return { ...known, isQueued: known.isWaiting() && req.httpVersionMajor === 1 && res.socket === null };
}

const presence = (hasLeft: () => boolean, isAnsweredNow: () => boolean): Presence => ({
  isWaiting: () => !hasLeft() && !isAnsweredNow(),
  isLost: () => hasLeft() && !isAnsweredNow(),
  isQueued: false,
});

/** Somebody has begun to answer: a time-out middleware, for one. */
export const isAnswered = (res: StreamResponse): boolean => res.headersSent || res.writableEnded;

/** Node names it nowhere else. */
const currentResponse = ({ socket }: AnyRequest): ServerResponse | undefined =>
  (socket as { _httpMessage?: ServerResponse | null } | undefined)?._httpMessage ?? undefined;

const isDestroyed = (socket: AnyRequest['socket'] | undefined): boolean => socket?.destroyed === true;
