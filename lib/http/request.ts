import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { TaskError, type HttpErrorCode } from '../core/errors.js';
import { isResumeKey, parseEventId, parseSeq } from '../sse/event-id.js';

/** A request of `node:http` or its HTTP/2 twin, with what Express and its body parsers add. */
export type AnyRequest = (IncomingMessage | Http2ServerRequest) & {
  originalUrl?: string;
  body?: unknown;
  res?: unknown;
};

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
/** What the library reads from a query: not part of what a job is asked for. */
const OWN_PARAMETERS = ['resume_key', 'last_event_id', 'idempotency_key', 'replay'];

/** What a request says about where it wants to go on. */
export interface ResumeRequest {
  readonly resumeKey: string | undefined;
  /** The seq of the last event that the client has. */
  readonly cursor: number | undefined;
  readonly snapshot: boolean;
}

/**
 * Reads key and cursor: `given` (else `?resume_key=`), the `Last-Event-ID` header, else `?last_event_id=`. The raw URL
 * is read, because Express 4 and 5 make different things of arrays and brackets in a query.
 * @throws TaskError `INVALID_RESUME_KEY`, `INVALID_CURSOR`, `INVALID_INPUT`
 */
export function readResume(req: AnyRequest, given: unknown): ResumeRequest {
  const query = queryOf(req);
  const fromQuery = single(query, 'resume_key', 'INVALID_RESUME_KEY');
  const resumeKey = given ?? fromQuery;
  const fromUrl = single(query, 'last_event_id', 'INVALID_CURSOR');
  const replay = single(query, 'replay', 'INVALID_INPUT');
  if (replay !== undefined && replay !== 'snapshot')
    throw new TaskError('INVALID_INPUT', 'replay can only be snapshot');
  const snapshot = replay === 'snapshot';

  if (resumeKey !== undefined && resumeKey !== '' && !(typeof resumeKey === 'string' && isResumeKey(resumeKey))) {
    throw new TaskError('INVALID_RESUME_KEY', 'The resume key is not one of ours');
  }
  const key = resumeKey === '' ? undefined : resumeKey;
  const header = req.headers['last-event-id'];
  if (header !== undefined && header !== '') return { ...cursorOf(String(header), key, false), snapshot };
  if (fromUrl !== undefined) return { ...cursorOf(fromUrl, key, true), snapshot };
  return { resumeKey: key, cursor: undefined, snapshot };
}

/** The `Idempotency-Key` header, or `?idempotency_key=` for EventSource. @throws TaskError `INVALID_INPUT` */
export function readIdempotencyKey(req: AnyRequest): string | undefined {
  const key = req.headers['idempotency-key'] ?? single(queryOf(req), 'idempotency_key', 'INVALID_INPUT');
  if (key === undefined || key === '') return undefined;
  return checkIdempotencyKey(key);
}

export function checkIdempotencyKey(key: unknown): string {
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new TaskError('INVALID_INPUT', 'An idempotency key is 1 to 255 visible ASCII characters');
}

/**
 * What distinguishes one start from another under the same idempotency key: method, path, query, and the parsed body
 * (or, where nobody has parsed it, its length) and `input`.
 */
export function fingerprintOf(req: AnyRequest, input?: unknown): string {
  const query = [...queryOf(req)].filter(([name]) => !OWN_PARAMETERS.includes(name));
  const [path] = urlOf(req).split('?', 1);
  const body = req.body === undefined ? req.headers['content-length'] : jsonOf(req.body);
  return createHash('sha256')
    .update(JSON.stringify([req.method, path, query, body, jsonOf(input)]))
    .digest('base64url');
}

/** The URL as the client sent it, before Express cut the mount path off. */
export const urlOf = (req: AnyRequest): string => req.originalUrl ?? req.url ?? '/';

export function queryOf(req: AnyRequest): URLSearchParams {
  const url = urlOf(req);
  const mark = url.indexOf('?');
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
}

/** The value of a parameter that may come once, as plain text; undefined where it is absent or empty. */
export function single(query: URLSearchParams, name: string, code: HttpErrorCode): string | undefined {
  const values = query.getAll(name);
  const nested = [...query.keys()].some((key) => key.startsWith(`${name}[`));
  if (nested || values.length > 1) throw new TaskError(code, `${name} may be given once, as plain text`);
  return values[0] === '' ? undefined : values[0];
}

function cursorOf(text: string, resumeKey: string | undefined, bare: boolean): { resumeKey: string; cursor: number } {
  const id = parseEventId(text);
  if (id !== undefined && (resumeKey === undefined || id.resumeKey === resumeKey)) {
    return { resumeKey: id.resumeKey, cursor: id.seq };
  }
  const seq = bare ? parseSeq(text) : undefined;
  if (seq !== undefined && resumeKey !== undefined) return { resumeKey, cursor: seq };
  throw new TaskError('INVALID_CURSOR', 'The last event id is not one of this task');
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined;
  } catch {
    return undefined; // cycles and the like: then the rest has to tell requests apart
  }
}
