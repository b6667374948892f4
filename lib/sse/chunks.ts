/** Writes HTTP/1.1 chunks straight to a socket, so that the bytes are framed once for all readers of one position. */
import { OutgoingMessage, type ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';

export type Socket = NonNullable<ServerResponse['socket']>;

/** Up to this size a copy is cheaper than three pieces in one write. */
export const COPIED_BYTES = 16_384;

/**
 * Returns the socket of a response to which chunks can be written past `res.write`: HTTP/1.1 with chunked coding, where
 * no compression middleware has put a `write` of its own in between. The headers must have been written.
 */
export function directSocket(res: ServerResponse | Http2ServerResponse): Socket | undefined {
  const plain = res instanceof OutgoingMessage && res.write === OutgoingMessage.prototype.write && res.chunkedEncoding;
  return plain ? (res.socket ?? undefined) : undefined;
}

/**
 * Writes frames as chunks (RFC 9112, section 7.1). Readers at one position get the same bytes one after the other, so
 * the chunk around them is made once. `res.write` would make it for each, in three pieces.
 */
export class ChunkWriter {
  #bytes: Buffer | undefined;
  #chunk: Buffer | undefined;

  /** Writes one chunk. Returns false, as `socket.write` does, where the next one should wait for `drain`. */
  write(socket: Socket, frames: string | Buffer): boolean {
    if (typeof frames === 'string') return socket.write(`${sizeLine(Buffer.byteLength(frames))}${frames}\r\n`);
    if (frames.length <= COPIED_BYTES) return socket.write(this.#chunkOf(frames));
    socket.cork();
    socket.write(sizeLine(frames.length), 'latin1');
    socket.write(frames);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }

  #chunkOf(bytes: Buffer): Buffer {
    if (this.#chunk !== undefined && this.#bytes === bytes) return this.#chunk;
    const size = sizeLine(bytes.length);
    const chunk = Buffer.allocUnsafe(size.length + bytes.length + 2);
    bytes.copy(chunk, chunk.write(size, 'latin1'));
    chunk.write('\r\n', chunk.length - 2, 'latin1');
    this.#bytes = bytes;
    return (this.#chunk = chunk);
  }
}

const sizeLine = (bytes: number): string => `${bytes.toString(16)}\r\n`;
