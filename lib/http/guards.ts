/** Refuses requests that may not start a task or open a stream, as far as the request itself shows that. */
import { TaskError } from '../core/errors.js';
import type { OriginList } from './origins.js';
import type { Presence } from './presence.js';
import type { AnyRequest } from './read-request.js';

/** The methods that start and resume a task. */
export const STREAM_METHODS: readonly string[] = ['GET', 'POST'];

/** @throws TaskError `METHOD_NOT_ALLOWED`, `PIPELINING` */
export function assertServable({ method }: AnyRequest, methods: readonly string[], { isQueued }: Presence): void {
  if (!methods.includes(method ?? '')) throw methodNotAllowed(`${method} is not allowed here`, methods);
  if (isQueued)
    throw new TaskError('PIPELINING', 'A stream cannot wait behind another response: ask on another connection');
}

/**
 * @param also what clients ask for although they read a stream
 * @throws TaskError `NOT_ACCEPTABLE` for clients that cannot read a stream
 */
export function assertAcceptsStream({ headers: { accept } }: AnyRequest, also: readonly string[] = []): void {
  if (!accept || ['text/event-stream', ...also].some((type) => accepts(accept, type))) return;
  throw new TaskError('NOT_ACCEPTABLE', 'The answer is text/event-stream, which the Accept header excludes');
}

/** The pages that may start tasks and open hub streams. */
export interface StartRules {
  readonly isAllowed: OriginList | undefined;
  /** Lets pages of any site start tasks, for applications with a defence of their own. */
  readonly allowCrossSite: boolean;
}

/**
 * Refuses requests that shall start nothing: a HEAD, and those that a browser makes behind its user's back, which are
 * prefetches and requests of another site's page. Attaching is left to CORS, since it changes nothing.
 * @throws TaskError `METHOD_NOT_ALLOWED`, `PREFETCH_REFUSED`, `ORIGIN_NOT_ALLOWED`
 */
export function assertMayStart(req: AnyRequest, { isAllowed, allowCrossSite }: StartRules): void {
  const { method, headers } = req;
  // Express routes HEAD to GET handlers; a HEAD must not do what a GET does.
  if (method === 'HEAD') throw methodNotAllowed('HEAD starts nothing', STREAM_METHODS);
  // Sec-Purpose is a Fetch metadata header. Purpose and X-Moz are its predecessors.
  const purpose = [headers['sec-purpose'], headers['purpose'], headers['x-moz']].join();
  if (/prefetch|prerender/i.test(purpose)) throw new TaskError('PREFETCH_REFUSED', 'A prefetch starts nothing');
  if (allowCrossSite || (headers.origin !== undefined && isAllowed?.(headers.origin))) return;
  const site = headers['sec-fetch-site'];
  if (site === undefined ? isForeign(req) : !KNOWN_SITES.includes(site)) {
    throw new TaskError('ORIGIN_NOT_ALLOWED', 'Pages of other origins may not do this: see allowedOrigins');
  }
  if (method === 'GET' && site !== 'none' && !looksLikeStreamRequest(req)) {
    throw new TaskError(
      'ORIGIN_NOT_ALLOWED',
      'This looks like no request for a stream: send Accept: text/event-stream',
    );
  }
}

/** The values of Sec-Fetch-Site that may start something. Any other, such as one that a proxy has doubled, may not. */
const KNOWN_SITES: readonly string[] = ['same-origin', 'same-site', 'none'];

/**
 * Tells whether a page of another site makes the request. Browsers send Sec-Fetch-Site to https and localhost only;
 * elsewhere Origin and Referer tell, if they are sent.
 */
function isForeign({ headers }: AnyRequest): boolean {
  const { origin, referer } = headers;
  if (origin !== undefined) return !isOwn(origin, headers);
  return referer !== undefined && !isOwn(referer, headers);
}

/**
 * Tells whether a GET may come from `EventSource` or `fetch`, and not from an `<img>`, `<script>` or `<iframe>` of any
 * page. EventSource names what it accepts, and so do our clients. A browser that names nothing of the kind, and no page
 * either, may be loading a script for another site.
 */
function looksLikeStreamRequest({ headers }: AnyRequest): boolean {
  const destination = headers['sec-fetch-dest'];
  if (destination !== undefined) return destination === 'empty';
  const { accept = '*/*', origin, referer } = headers;
  if (/text\/event-stream/i.test(accept)) return true;
  if (/image\/|text\/(?:html|css)/i.test(accept)) return false;
  const isBrowser = /^Mozilla\//.test(String(headers['user-agent']));
  return !isBrowser || origin !== undefined || referer !== undefined;
}

/**
 * Tells whether `url` has one of the server's names. Pages cannot set any of these headers across sites, so a proxy's
 * word for the public name can be taken.
 */
function isOwn(url: string, headers: AnyRequest['headers']): boolean {
  const host = URL.canParse(url) ? new URL(url).host : '';
  const names = [headers.host, headers[':authority'], headers['x-forwarded-host']];
  // A page of `file:` or of an app shell has no host, and a server has no name where a header is missing.
  return host !== '' && names.flatMap((name) => String(name ?? '').split(',')).some((name) => name.trim() === host);
}

const methodNotAllowed = (message: string, methods: readonly string[]): TaskError =>
  new TaskError('METHOD_NOT_ALLOWED', message, { headers: { Allow: [...methods, 'OPTIONS'].join(', ') } });

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
