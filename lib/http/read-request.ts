/** Reads everything that the library takes from a request: resume key, cursor, preferences and query. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { HttpErrorCode } from '../core/error-status.js';
import { TaskError } from '../core/errors.js';
import { isResumeKey, parseEventId, parseSeq } from '../sse/event-id.js';

/** A request of `node:http` or its HTTP/2 twin, with what Express and other middlewares add. */
export type AnyRequest = (IncomingMessage | Http2ServerRequest) & {
  originalUrl?: string;
  params?: unknown;
  query?: unknown;
  body?: unknown;
  file?: unknown;
  files?: unknown;
  ip?: string | undefined;
  res?: unknown;
};

/** The query parameters that the library reads itself. They are not part of what a job is asked for. */
const OWN_PARAMETERS = ['resume_key', 'last_event_id', 'lastEventId', 'idempotency_key', 'replay', 'wait'];

/** Longer waits are cut to this, because proxies in between give up on an answer after a minute. */
const MAX_WAIT_MS = 60_000;

/** The position at which a request wants to continue. */
export interface ResumeRequest {
  readonly resumeKey: string | undefined;
  /** The seq of the last event that the client has. */
  readonly cursor: number | undefined;
  /** The epoch of that event; undefined where the cursor does not contain it. */
  readonly epoch?: number | undefined;
  readonly snapshot: boolean;
  /**
   * The time after which the events there are shall be sent, in ms, for clients that cannot read a stream without an
   * end.
   */
  readonly waitMs: number | undefined;
}

/**
 * Reads the key from `given`, else from `?resume_key=`, and the cursor from the `Last-Event-ID` header, else from
 * `?last_event_id=` or `?lastEventId=`, which the most used EventSource polyfill sends. It reads the raw URL, because
 * Express 4 and 5 parse arrays and brackets in a query differently.
 * @throws TaskError `INVALID_RESUME_KEY`, `INVALID_CURSOR`, `INVALID_INPUT`
 */
export function readResume(req: AnyRequest, given: unknown): ResumeRequest {
  const query = queryOf(req);
  const fromQuery = readSingleParam(query, 'resume_key', 'INVALID_RESUME_KEY');
  const resumeKey = given ?? fromQuery;
  const fromUrl = readLastEventIdParam(query);
  const replay = readSingleParam(query, 'replay', 'INVALID_INPUT');
  if (replay !== undefined && replay !== 'snapshot')
    throw new TaskError('INVALID_INPUT', 'Expected replay to be snapshot, or to be left out');
  const asked = { snapshot: replay === 'snapshot', waitMs: readWaitMs(req, query) };

  if (resumeKey !== undefined && resumeKey !== '' && !(typeof resumeKey === 'string' && isResumeKey(resumeKey))) {
    throw new TaskError(
      'INVALID_RESUME_KEY',
      'Expected resume_key to be the X-Resume-Key of an earlier answer, unchanged',
    );
  }
  const key = resumeKey === '' ? undefined : resumeKey;
  const header = req.headers['last-event-id'];
  if (header !== undefined && header !== '') return { ...cursorOf(String(header), key, false), ...asked };
  if (fromUrl !== undefined) return { ...cursorOf(fromUrl, key, true), ...asked };
  return { resumeKey: key, cursor: undefined, ...asked };
}

/** Returns the position in the query, under either of its names. @throws TaskError `INVALID_CURSOR` */
export function readLastEventIdParam(query: URLSearchParams): string | undefined {
  const ours = readSingleParam(query, 'last_event_id', 'INVALID_CURSOR');
  const theirs = readSingleParam(query, 'lastEventId', 'INVALID_CURSOR');
  return ours ?? theirs;
}

/** Reads `?wait=<seconds>`, else the preference `wait` (RFC 7240, section 4.3). @throws TaskError `INVALID_INPUT` */
function readWaitMs(req: AnyRequest, query: URLSearchParams): number | undefined {
  const asked = readSingleParam(query, 'wait', 'INVALID_INPUT');
  if (asked !== undefined && parseSeq(asked) === undefined) {
    throw new TaskError('INVALID_INPUT', 'Expected wait to be a whole number of seconds');
  }
  // [spec] "A server that does not recognize or is unable to comply with particular preferences … MUST ignore them"
  const preferred = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?=$|[,;])/i.exec(preferencesOf(req))?.[1];
  const seconds = asked ?? preferred;
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1_000, MAX_WAIT_MS);
}

/** Tells whether the client wants to be answered before the work is done (RFC 7240, section 4.1). */
export const prefersAsync = (req: AnyRequest): boolean =>
  /(?:^|,)\s*respond-async\s*(?:;|,|$)/i.test(preferencesOf(req));

const preferencesOf = (req: AnyRequest): string => String(req.headers.prefer ?? '');

/**
 * Returns path and query as the client sent them, before Express cut off the mount path. A request in absolute form
 * (RFC 9112, 3.2.2) contains a host, which is whatever the client wrote, so it is cut off.
 */
function urlOf(req: AnyRequest): string {
  const path = (req.originalUrl ?? req.url ?? '/').replace(ABSOLUTE_FORM, '');
  // Two slashes, or a backslash, would begin a host for a client that follows the path.
  return `/${path.replace(/^[/\\]+/, '')}`;
}

const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** Returns the path of a URL as `req.url` has it. */
export const pathOf = (url: string): string => url.replace(ABSOLUTE_FORM, '').split(/[?#]/, 1)[0] ?? '/';

/** Returns the resource that a job is asked for: the path, and the query without the library's own parameters. */
export function resourceOf(req: AnyRequest): { readonly path: string; readonly query: URLSearchParams } {
  const [path = '/'] = urlOf(req).split('?', 1);
  return { path, query: new URLSearchParams([...queryOf(req)].filter(([name]) => !OWN_PARAMETERS.includes(name))) };
}

export function queryOf(req: AnyRequest): URLSearchParams {
  const url = urlOf(req);
  const mark = url.indexOf('?');
  return new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
}

/** Tells whether the body has been parsed. Parsers of Express 4 leave an empty object where they have not. */
export function hasParsedBody({ body, readableDidRead }: AnyRequest): boolean {
  return body !== undefined && (readableDidRead || !isEmptyObject(body));
}

/**
 * Tells whether `body` is an empty object, without listing its keys: a body can be a Buffer of many millions of bytes.
 */
export function isEmptyObject(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false;
  for (const name in body) if (Object.hasOwn(body, name)) return false;
  return true;
}

/** Returns the value of a parameter that may be given once, as plain text; undefined where it is absent or empty. */
export function readSingleParam(query: URLSearchParams, name: string, code: HttpErrorCode): string | undefined {
  const values = query.getAll(name);
  const nested = [...query.keys()].some((key) => key.startsWith(`${name}[`));
  if (nested || values.length > 1) throw new TaskError(code, `Expected ${name} to be given once, as plain text`);
  return values[0] === '' ? undefined : values[0];
}

function cursorOf(
  text: string,
  resumeKey: string | undefined,
  bare: boolean,
): { resumeKey: string; cursor: number; epoch?: number } {
  const id = parseEventId(text);
  if (id !== undefined && (resumeKey === undefined || id.resumeKey === resumeKey)) {
    return { resumeKey: id.resumeKey, cursor: id.seq, epoch: id.epoch };
  }
  const seq = bare ? parseSeq(text) : undefined;
  if (seq !== undefined && resumeKey !== undefined) return { resumeKey, cursor: seq };
  throw new TaskError('INVALID_CURSOR', 'The last event id is not one of this task');
}
