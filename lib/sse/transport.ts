/** Looks beneath requests and responses: at the stream of HTTP/2, and at what the network has taken. */
import { IncomingMessage, OutgoingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2';

/**
 * Returns the stream of an HTTP/2 request or response; undefined for HTTP/1, whose messages may have a member `stream`
 * of the application's.
 */
export const http2StreamOf = (
  message: IncomingMessage | Http2ServerRequest | ServerResponse | Http2ServerResponse,
): ServerHttp2Stream | undefined =>
  message instanceof IncomingMessage || message instanceof OutgoingMessage
    ? undefined
    : (message as Partial<Http2ServerRequest>).stream;

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
  const stream = http2StreamOf(res);
  const socket = stream === undefined ? res.socket : stream.session?.socket;
  const { _handle: handle, writableLength, bytesWritten } = (socket ?? {}) as AnySocket;
  return count(bytesWritten) - count(writableLength) - count((handle?._parent ?? handle)?.writeQueueSize);
}

/** Reads a number, which responses of adapters for other platforms do not have. */
const count = (value: unknown): number => (typeof value === 'number' ? value : 0);
