/** Tells a client that reads slowly from one that does not read at all. */
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/** The part of Node's sockets that says how much the operating system has not taken yet; they look at it themselves. */
interface SocketHandle {
  readonly writeQueueSize?: unknown;
  /** The TCP handle underneath TLS, which alone counts down within one write. */
  readonly _parent?: SocketHandle | null;
}

interface AnySocket {
  readonly _handle?: SocketHandle | null;
  readonly writableLength?: unknown;
  readonly bytesWritten?: unknown;
}

/**
 * Returns a number that changes whenever the network takes some of what was written to `res`, also in the middle of one
 * large write. On HTTP/2 it is that of the connection, which all its streams share.
 */
export function bytesTaken(res: ServerResponse | Http2ServerResponse): number {
  const socket = 'stream' in res ? res.stream.session?.socket : res.socket;
  const { _handle: handle, writableLength, bytesWritten } = (socket ?? {}) as AnySocket;
  return count(bytesWritten) - count(writableLength) - count((handle?._parent ?? handle)?.writeQueueSize);
}

/** Responses of adapters for other platforms have none of these. */
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
