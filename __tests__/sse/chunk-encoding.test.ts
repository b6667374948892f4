import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { ChunkWriter, directSocket, type Socket } from '../../lib/sse/chunks.js';
import { FakeResponse } from '../support/sse/fake-response.js';
import { itHolds } from '../support/random/property.js';

/** What stands in the chunks of `bytes` (RFC 9112, section 7.1), piece by piece. */
function dechunk(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const line = bytes.indexOf('\r\n', at);
    const size = bytes.toString('latin1', at, line);
    expect(size).toMatch(/^[1-9a-f][0-9a-f]*$/); // a chunk of no bytes would end the response
    const end = line + 2 + Number.parseInt(size, 16);
    chunks.push(bytes.subarray(line + 2, end));
    expect(bytes.toString('latin1', end, end + 2)).toBe('\r\n');
    at = end + 2;
  }
  return chunks;
}

const written = (frames: readonly (string | Buffer)[], writer = new ChunkWriter()): Buffer => {
  const socket = new PassThrough({ highWaterMark: 2 ** 24 });
  for (const each of frames) writer.write(socket as unknown as Socket, each);
  const pieces: Buffer[] = []; // newer versions of Node read no more at once than was written at once
  for (let piece = socket.read() as Buffer | null; piece !== null; piece = socket.read() as Buffer | null) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
};

describe('ChunkWriter', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
  const bytes = fc.oneof(
    text.map((each) => Buffer.from(each)),
    fc.integer({ min: 16_380, max: 16_388 }).map((size) => Buffer.alloc(size, 'x')),
    fc.integer({ min: 1, max: 40_000 }).map((size) => Buffer.alloc(size, '☃')),
  );

  itHolds(
    'writes each piece as one chunk, byte for byte',
    [fc.array(fc.oneof(text, bytes), { maxLength: 6 })],
    (frames) => {
      const chunks = dechunk(written(frames));
      expect(chunks.map((chunk, n) => chunk.equals(Buffer.from(frames[n] ?? '')))).toEqual(frames.map(() => true));
    },
    50,
  );

  it('makes the chunk of shared bytes once, and never takes it for other bytes of the same length', () => {
    const writer = new ChunkWriter();
    const pieces: (string | Buffer)[] = [];
    const socket = { write: (piece: string | Buffer) => pieces.push(piece) > 0 } as unknown as Socket;
    const [one, other] = [Buffer.from('one'), Buffer.from('two')];
    for (const each of [one, one, other, one]) writer.write(socket, each);
    expect(pieces[1]).toBe(pieces[0]);
    expect(pieces.map(String)).toEqual(['one', 'one', 'two', 'one'].map((data) => `3\r\n${data}\r\n`));
  });

  it.each([1, 16_384, 16_385])('asks to wait for drain when the socket is full (%d bytes)', (size) => {
    const full = new PassThrough({ highWaterMark: 1 }) as unknown as Socket;
    expect(new ChunkWriter().write(full, Buffer.alloc(size))).toBe(false);
    const empty = new PassThrough({ highWaterMark: 2 ** 20 }) as unknown as Socket;
    expect(new ChunkWriter().write(empty, Buffer.alloc(size))).toBe(true);
  });
});

describe('directSocket', () => {
  it('is undefined where the response is not one of node:http', () => {
    expect(directSocket(new FakeResponse().as())).toBeUndefined();
  });
});
