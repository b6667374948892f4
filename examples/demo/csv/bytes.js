// Reads the bytes of a file, unpacked where they are packed with gzip.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

const CHUNK_BYTES = 32_768;

/** A few kilobytes of gzip can unpack to terabytes. */
const MAX_UNPACKED_BYTES = 16 * 2 ** 30;

/** What is wrong with a file, in a sentence for whoever sent it. */
export class FileError extends Error {}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ gzip: boolean, chunks: AsyncIterable<Buffer>, bytesRead: () => number, close: () => Promise<void> }>}
 *   Each of `chunks` is good until the next one is asked for, which may overwrite it; they throw a `FileError` where gzip
 *   is damaged. `bytesRead` counts the bytes of the file, not the unpacked ones.
 */
export async function openBytes(path, signal) {
  const file = await open(path);
  const start = await file.read(Buffer.alloc(2), 0, 2, 0);
  const gzip = start.bytesRead === 2 && start.buffer.readUInt16BE() === 0x1f8b;
  let bytes = 0;
  const counted = async function* () {
    // One buffer for all: a new one for each chunk would be garbage of the size of the file.
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) return;
      bytes += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  };
  return {
    gzip,
    chunks: gzip ? unpacked(counted()) : counted(),
    bytesRead: () => bytes,
    close: () => file.close(),
  };
}

async function* unpacked(packed) {
  const copies = async function* () {
    for await (const chunk of packed) yield Buffer.from(chunk); // zlib may still read one while the next is there
  };
  const output = pipeline(copies, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined);
  let bytes = 0;
  try {
    for await (const chunk of output) {
      bytes += chunk.length;
      if (bytes > MAX_UNPACKED_BYTES) throw new FileError('The gzip file unpacks to more than 16 GiB');
      yield chunk;
    }
  } catch (error) {
    const { code = '', message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (!/^Z_/.test(code)) throw error;
    throw new FileError(`The gzip file is damaged: ${message}`, { cause: error });
  } finally {
    output.destroy();
  }
}
