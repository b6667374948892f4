/** Computes fingerprints, which tell starts under one idempotency key apart by what they ask for. */
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { types } from 'node:util';
import { requireAtOnce } from '../core/callbacks.js';
import { readProperty } from '../core/thrown.js';
import { hasParsedBody, isEmptyObject, resourceOf, type AnyRequest } from './read-request.js';

/** Bytes and long texts are hashed in pieces of this size, so that a large upload stops nobody else. */
const PIECE_BYTES = 4_194_304;
const PIECE_LENGTH = 1_048_576;
/** Short texts are gathered up to this length. After each such piece everybody else has a turn. */
const MAX_TEXT = 65_536;
/** Members that are nested deeper tell no two starts apart, and may be a cycle. */
const MAX_DEPTH = 64;

/**
 * Returns a digest of a start: its method, its path, its query without the library's own parameters, the parsed body,
 * the files that an upload middleware has taken, and `input`.
 *
 * A body that nobody has parsed cannot be compared, and two bodies of the same length need not be equal, so it gets a
 * digest that no other request has.
 */
export async function fingerprintOf(req: AnyRequest, input?: unknown): Promise<string> {
  const { path, query } = resourceOf(req);
  const digest = new Digest();
  await digest.add([req.method, path, [...query].map(([name, value]) => [name, value])]);
  if (hasParsedBody(req)) await digest.add(req.body);
  for (const file of filesOf(req)) await digest.addFile(file);
  await digest.add(input);
  if (hasUnknownBody(req) && input === undefined) await digest.add(randomBytes(16));
  return digest.end();
}

/** Returns a digest of a start whose payload the application defines itself. */
export async function fingerprintOfPayload(req: AnyRequest, payload: unknown): Promise<string> {
  const digest = new Digest();
  await digest.add([req.method, resourceOf(req).path, payload]);
  return digest.end();
}

/** Returns a digest of a start without a request. */
export async function fingerprintOfInput(input: unknown): Promise<string> {
  const digest = new Digest();
  await digest.add(input);
  return digest.end();
}

/** Tells whether the request has a body that nobody has parsed. A GET has none to speak of (RFC 9110, 9.3.1). */
function hasUnknownBody(req: AnyRequest): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers;
  const hasBody = req.method !== 'GET' && (length !== '0' || coding !== undefined);
  return hasBody && !hasParsedBody(req) && filesOf(req).length === 0;
}

/**
 * Returns the files of `req.file` and `req.files`, as multer (a list, or lists by field) and express-fileupload (by
 * field) set them.
 */
function filesOf({ file, files }: AnyRequest): unknown[] {
  const several = typeof files === 'object' && files !== null ? (Object.values(files).flat() as unknown[]) : [];
  return [...(file === undefined ? [] : [file]), ...several];
}

/** The members that identify a file, beside its bytes. Its path is not among them, because that differs each time. */
const FILE_MEMBERS: readonly string[] = ['fieldname', 'originalname', 'name', 'mimetype', 'size', 'etag', 'md5'];

/** Yields the names of an array's members one after the other: a list of millions would itself take long to make. */
function* indexesOf({ length }: readonly unknown[]): Generator<string> {
  for (let index = 0; index < length; index++) yield String(index);
}

const isLarge = (value: unknown): boolean =>
  typeof value === 'string' ? value.length > PIECE_LENGTH : typeof value === 'object' && value !== null;

/** Tells whether an object keeps what it holds out of sight, as one with private members does. */
function isSealed(value: object): boolean {
  if (Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null; // in any realm
  return !isPlain && isEmptyObject(value);
}

const isCollection = (value: object): value is Iterable<unknown> =>
  types.isMap(value) || types.isSet(value) || value instanceof URLSearchParams || value instanceof FormData;

/** Digests values of any shape, with what tells their types apart. */
class Digest {
  readonly #hash = createHash('sha256');
  #text = '';

  async add(value: unknown, depth = 0): Promise<void> {
    if (ArrayBuffer.isView(value))
      return this.#addBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    if (types.isAnyArrayBuffer(value)) return this.#addBytes(new Uint8Array(value));
    if (typeof value === 'string' && value.length > PIECE_LENGTH) return this.#addLong(value);
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) {
      this.#addPlain(value);
      return;
    }
    const toJson = readProperty(value, 'toJSON');
    if (typeof toJson === 'function') return this.add(requireAtOnce('toJSON', toJson.call(value)), depth + 1);
    if (value instanceof Blob) return this.#addBlob(value);
    if (isCollection(value)) return this.add([...value], depth + 1);
    if (isSealed(value)) return this.#addBytes(randomBytes(16)); // its contents are unknown, so it equals no other
    this.#addText(Array.isArray(value) ? '[' : '{');
    for (const name of Array.isArray(value) ? indexesOf(value) : Object.keys(value)) {
      this.#addText(JSON.stringify(name));
      const member = readProperty(value, name);
      if (isLarge(member)) await this.add(member, depth + 1);
      else this.#addPlain(member);
      if (this.#text.length > MAX_TEXT) await this.#pause();
    }
    this.#addText(Array.isArray(value) ? ']' : '}');
  }

  async addFile(file: unknown): Promise<void> {
    await this.add(FILE_MEMBERS.map((name) => readProperty(file, name)));
    const bytes = [readProperty(file, 'buffer'), readProperty(file, 'data')].find(
      (data) => data instanceof Uint8Array && data.length > 0,
    );
    if (bytes !== undefined) return this.add(bytes);
    const path = readProperty(file, 'path') ?? readProperty(file, 'tempFilePath');
    if (typeof path === 'string' && path !== '') await this.#addPieces(createReadStream(path));
  }

  end(): string {
    this.#flush();
    return this.#hash.digest('base64url');
  }

  /** A `File` is a Blob with a name. */
  async #addBlob(blob: Blob): Promise<void> {
    this.#addText(`blob ${JSON.stringify([blob.type, blob.size, readProperty(blob, 'name')])}`);
    await this.#addPieces(blob.stream());
  }

  async #addPieces(pieces: AsyncIterable<unknown>): Promise<void> {
    this.#flush();
    try {
      for await (const piece of pieces) this.#hash.update(piece as Uint8Array);
    } catch {
      await this.add(randomBytes(16)); // its contents are unknown, so it equals no other file
    }
  }

  async #addBytes(bytes: Uint8Array): Promise<void> {
    this.#addText(`bytes ${bytes.length}`);
    this.#flush();
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      if (from > 0) await setImmediate();
      this.#hash.update(bytes.subarray(from, from + PIECE_BYTES));
    }
  }

  async #addLong(text: string): Promise<void> {
    this.#addText(`text ${text.length}`);
    this.#flush();
    for (let from = 0; from < text.length; from += PIECE_LENGTH) {
      if (from > 0) await setImmediate();
      this.#hash.update(text.slice(from, from + PIECE_LENGTH), 'utf16le'); // a piece may end within a character
    }
  }

  /** Adds a value without looking into it. A function, or an object that is nested deeply, might run code of its own. */
  #addPlain(value: unknown): void {
    const isOpaque = typeof value === 'function' || typeof value === 'object';
    const text = isOpaque && value !== null ? '' : String(value);
    this.#addText(typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${text}`);
  }

  /** Gathers texts, because a call of the hash costs more than a short text. */
  #addText(text: string): void {
    this.#text += `${text};`;
  }

  async #pause(): Promise<void> {
    this.#flush();
    await setImmediate();
  }

  #flush(): void {
    this.#hash.update(this.#text);
    this.#text = '';
  }
}
