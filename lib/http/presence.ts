/** Tells whether anybody still waits for the answer to a request. Ask again after each await. */
import type { ServerResponse } from 'node:http';
import type { StreamResponse } from '../sse/connection.js';
import { isGone } from '../sse/guarded-response.js';
import type { AnyRequest } from './read-request.js';

/** The current state of a request. */
export interface Presence {
  /** Tells whether the client is still there and nobody has answered the request yet. */
  readonly isWaiting: () => boolean;
  /** Tells whether the client has closed its connection before anything was answered. */
  readonly isLost: () => boolean;
  /** True where another request on the connection has to be answered first. */
  readonly isQueued: boolean;
}

/**
 * Finds the response to `req`. Express notes it on the request, and Node on the socket for the request whose turn it
 * is; over HTTP/2 the stream knows as much.
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

/** Tells whether somebody has begun to answer, such as a time-out middleware. */
export const isAnswered = (res: StreamResponse): boolean => res.headersSent || res.writableEnded;

/** Returns the response whose turn it is. Node keeps it in this private member only. */
const currentResponse = ({ socket }: AnyRequest): ServerResponse | undefined =>
  (socket as { _httpMessage?: ServerResponse | null } | undefined)?._httpMessage ?? undefined;

const isDestroyed = (socket: AnyRequest['socket'] | undefined): boolean => socket?.destroyed === true;
