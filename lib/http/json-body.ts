/** Reads the JSON body of a request, whether or not the application has parsed it already. */
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { TaskError } from '../core/errors.js';
import { hasParsedBody, type AnyRequest } from './read-request.js';

/** A Map, because the name comes from the request, and an object has members of other names too, such as `constructor`. */
const DECODERS: ReadonlyMap<string, () => NodeJS.ReadWriteStream> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/**
 * Returns the parsed body, or what a body parser of the application has made of it.
 * @throws TaskError `UNSUPPORTED_MEDIA_TYPE`, `PAYLOAD_TOO_LARGE` over `maxBytes` (unpacked), `INVALID_JSON`
 */
export async function readJsonBody(req: AnyRequest, maxBytes: number): Promise<unknown> {
  const [type = '', ...parameters] = (req.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') throw unsupported('The body is application/json');
  const charset = parameters.map((text) => /^\s*charset\s*=\s*"?([^"]*)"?\s*$/i.exec(text)?.[1]).find(Boolean);
  if (charset !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(charset)) throw unsupported('The body is UTF-8');
  if (hasParsedBody(req)) return fromParser(req.body);
  // Its events have been emitted already, so nothing would ever arrive here.
  if (req.readableEnded || req.destroyed)
    throw invalid('The body was read before, and nobody has parsed it', undefined);
  return parse(await readBytes(req, maxBytes));
}

/** Returns what a body parser has made of the body. Some hand on the text unchanged. */
function fromParser(body: unknown): unknown {
  if (typeof body === 'string') return parse(Buffer.from(body));
  return Buffer.isBuffer(body) ? parse(body) : body;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown; // TextDecoder skips a byte order mark
  } catch (cause) {
    throw invalid('The body is not JSON', cause);
  }
}

async function readBytes(req: AnyRequest, maxBytes: number): Promise<Buffer> {
  const encoding = (req.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined && encoding !== 'identity') throw unsupported('The encoding of the body is not supported');
  const request: Readable = req;
  const source = decoder === undefined ? request : (request.pipe(decoder) as unknown as Readable);
  try {
    return await collect(source, req, maxBytes);
  } catch (error) {
    request.unpipe();
    request.resume(); // the rest of the body stands before the next request on the connection
    throw error;
  }
}

function collect(source: Readable, request: AnyRequest, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= maxBytes) return;
      reject(new TaskError('PAYLOAD_TOO_LARGE', `Expected a body of at most ${maxBytes} bytes, got more`));
      source.off('data', take); // the rest is read as well, but not kept
      chunks.length = 0;
      if (source !== request) source.destroy();
    };
    source.on('data', take);
    source.once('end', () => {
      resolve(Buffer.concat(chunks));
    });
    // Both error listeners stay, because an error that nobody listens to ends the process.
    source.on('error', (cause) => {
      reject(invalid('The body cannot be unpacked', cause));
    });
    const cutOff = (cause?: unknown): void => {
      reject(invalid('The body was cut off', cause));
    };
    request.on('error', cutOff);
    request.once('close', () => {
      if (!request.complete) cutOff();
    });
  });
}

const invalid = (message: string, cause: unknown): TaskError => new TaskError('INVALID_JSON', message, { cause });
const unsupported = (message: string): TaskError => new TaskError('UNSUPPORTED_MEDIA_TYPE', message);
