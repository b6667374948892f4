import { TaskError } from '../core/errors.js';
import type { StreamResponse } from '../sse/connection.js';
import { CLIENT_ID_HEADER, RESUME_KEY_HEADER, TASK_ID_HEADER } from '../sse/headers.js';
import { isQueued } from '../sse/task-stream.js';
import type { AnyRequest } from './request.js';

/** What starts and resumes a task. */
export const STREAM_METHODS: readonly string[] = ['GET', 'POST'];

const EXPOSED_HEADERS = [
  TASK_ID_HEADER,
  RESUME_KEY_HEADER,
  CLIENT_ID_HEADER,
  'Location',
  'Preference-Applied',
  'Retry-After',
  'Link',
  'Content-Location',
].join(', ');
const ALLOWED_REQUEST_HEADERS = `Content-Type, Authorization, Idempotency-Key, Last-Event-ID, Prefer, ${CLIENT_ID_HEADER}`;

/** @throws TaskError `METHOD_NOT_ALLOWED`, `PIPELINING` */
export function assertServable(req: AnyRequest, methods: readonly string[]): void {
  if (!methods.includes(req.method ?? '')) {
    const headers = { Allow: [...methods, 'OPTIONS'].join(', ') };
    throw new TaskError('METHOD_NOT_ALLOWED', `${req.method} is not allowed here`, { headers });
  }
  if (isPipelined(req)) {
    throw new TaskError('PIPELINING', 'A stream cannot wait behind another response');
  }
}

/** The request's response waits behind another one. Without Express only the socket knows whose turn it is. */
function isPipelined(req: AnyRequest): boolean {
  if (req.res !== undefined) return isQueued(req.res as StreamResponse);
  if (req.httpVersionMajor !== 1) return false;
  const socket = req.socket as { _httpMessage?: { req?: unknown } | null } | undefined; // Node names it nowhere else
  const current = socket?._httpMessage?.req;
  return current !== undefined && current !== req;
}

/** @throws TaskError `NOT_ACCEPTABLE` for clients that cannot read a stream */
export function assertAcceptsStream({ headers: { accept } }: AnyRequest): void {
  if (!accept || accepts(accept, 'text/event-stream')) return;
  throw new TaskError('NOT_ACCEPTABLE', 'The answer is text/event-stream, which the Accept header excludes');
}

/** [spec] RFC 9110, 12.5.1: the most specific range counts, and a quality of 0 means "not acceptable". */
function accepts(accept: string, type: string): boolean {
  const ranges = accept.split(',').map((range) => {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => /^q\s*=/.test(parameter));
    return { name, refused: quality !== undefined && !(Number(quality.split('=')[1]) > 0) };
  });
  const [family] = type.split('/', 1);
  const best = [type, `${family}/*`, '*/*'].flatMap((name) => ranges.find((range) => range.name === name) ?? [])[0];
  return best !== undefined && !best.refused;
}

/**
 * What shall start nothing: a HEAD, and what a browser does behind its user's back: a prefetch, or a page of another
 * site that is not on the list. Attaching is left to CORS, since it changes nothing.
 * @throws TaskError `METHOD_NOT_ALLOWED`, `PREFETCH_REFUSED`, `ORIGIN_NOT_ALLOWED`
 */
export function assertMayStart({ method, headers }: AnyRequest, allowedOrigins: readonly string[]): void {
  // Express routes HEAD to GET handlers; a HEAD must not do what a GET does.
  if (method === 'HEAD') {
    throw new TaskError('METHOD_NOT_ALLOWED', 'HEAD starts no task', { headers: { Allow: 'GET, POST, OPTIONS' } });
  }
  // Sec-Purpose is a Fetch metadata header; Purpose and X-Moz are what browsers sent before it.
  const purpose = [headers['sec-purpose'], headers['purpose'], headers['x-moz']].join();
  if (/prefetch|prerender/i.test(purpose)) throw new TaskError('PREFETCH_REFUSED', 'A prefetch starts no task');
  const { origin } = headers;
  if (origin !== undefined && allowedOrigins.includes(origin)) return;
  const site = headers['sec-fetch-site'];
  // Browsers send Sec-Fetch-Site to https and localhost only; elsewhere the Origin tells, where there is one.
  const foreign =
    site === undefined ? origin !== undefined && hostOf(origin) !== authorityOf(headers) : site === 'cross-site';
  if (foreign)
    throw new TaskError('ORIGIN_NOT_ALLOWED', 'Pages of this origin may not start tasks: see allowedOrigins');
}

/** CORS (Fetch, section 3.2) for the origins on the list, and only for them. */
export function allowOrigin(req: AnyRequest, res: StreamResponse, allowedOrigins: readonly string[]): void {
  if (allowedOrigins.length === 0) return;
  res.appendHeader('Vary', 'Origin');
  const { origin } = req.headers;
  if (origin === undefined || !allowedOrigins.includes(origin)) return;
  res.setHeader('Access-Control-Allow-Origin', origin);
  res.setHeader('Access-Control-Allow-Credentials', 'true');
  res.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
}

/** Answers an OPTIONS request, a CORS preflight among them. */
export function answerOptions(res: StreamResponse, methods: string): void {
  res.setHeader('Allow', methods);
  if (res.hasHeader('Access-Control-Allow-Origin')) {
    res.setHeader('Access-Control-Allow-Methods', methods);
    res.setHeader('Access-Control-Allow-Headers', ALLOWED_REQUEST_HEADERS);
    res.setHeader('Access-Control-Max-Age', '600');
  }
  res.writeHead(204).end();
}

const authorityOf = (headers: AnyRequest['headers']): string | undefined =>
  headers.host ?? (headers[':authority'] as string | undefined);

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
