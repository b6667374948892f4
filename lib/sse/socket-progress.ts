/** Tells a client that reads slowly from one that does not read at all. */
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

/**
 * The part of Node's sockets that knows how much the operating system has not taken yet. Node's own code reads it too.
 */
interface SocketHandle {
  readonly writeQueueSize?: unknown;
  /** The TCP handle underneath TLS. Only this one counts down within a write. */
  readonly _parent?: SocketHandle | null;
}

interface AnySocket {
  readonly _handle?: SocketHandle | null;
  readonly writableLength?: unknown;
  readonly bytesWritten?: unknown;
}

/**
 * Returns a number that changes whenever the network takes some of the bytes written to `res`, even in the middle of
 * one large write. On HTTP/2 it is the number of the connection, which all its streams share.
 */
export function bytesTaken(res: ServerResponse | Http2ServerResponse): number {
  const socket = 'stream' in res ? res.stream.session?.socket : res.socket;
  const { _handle: handle, writableLength, bytesWritten } = (socket ?? {}) as AnySocket;
  return count(bytesWritten) - count(writableLength) - count((handle?._parent ?? handle)?.writeQueueSize);
}

/** Reads a number, which responses of adapters for other platforms do not have. */
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
