/** Answers CORS (Fetch, section 3.2) for the origins on the list, and only for them. */
import { isHeaderName } from '../core/http-header.js';
import type { StreamResponse } from '../sse/connection.js';
import { CLIENT_ID_HEADER, RESUME_KEY_HEADER, TASK_ID_HEADER } from '../sse/headers.js';
import { sendNoContent } from '../sse/whole-answer.js';
import type { OriginList } from './origins.js';
import type { AnyRequest } from './read-request.js';

const EXPOSED_HEADERS = [
  TASK_ID_HEADER,
  RESUME_KEY_HEADER,
  CLIENT_ID_HEADER,
  'Location',
  'Content-Location',
  'Preference-Applied',
  'Retry-After',
  'Link',
].join(', ');

/** The headers that our own clients send. A page may ask for others. */
const REQUEST_HEADERS: readonly string[] = [
  'Content-Type',
  'Authorization',
  'Idempotency-Key',
  'Last-Event-ID',
  'Prefer',
  CLIENT_ID_HEADER,
];

/** The time for which a browser may remember the answer to a preflight, in seconds. */
const MAX_AGE_S = '600';

/** Lets pages of allowed origins read the answer. */
export function allowOrigin(req: AnyRequest, res: StreamResponse, isAllowed: OriginList | undefined): void {
  if (isAllowed === undefined) return;
  res.appendHeader('Vary', 'Origin');
  const { origin } = req.headers;
  if (origin === undefined || !isAllowed(origin)) return;
  res.setHeader('Access-Control-Allow-Origin', origin);
  res.setHeader('Access-Control-Allow-Credentials', 'true');
  res.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
}

/**
 * Answers an OPTIONS request, a CORS preflight among them. An allowed origin may send any header that it asks for: it is
 * trusted to act for the user, and applications have headers of their own, such as `X-CSRF-Token`.
 */
export function answerOptions(req: AnyRequest, res: StreamResponse, methods: readonly string[]): void {
  const allow = [...methods, 'OPTIONS'].join(', ');
  res.setHeader('Allow', allow);
  if (res.hasHeader('Access-Control-Allow-Origin')) {
    res.setHeader('Access-Control-Allow-Methods', allow);
    res.setHeader('Access-Control-Allow-Headers', [...REQUEST_HEADERS, ...askedHeaders(req)].join(', '));
    res.setHeader('Access-Control-Max-Age', MAX_AGE_S);
  }
  sendNoContent(res, {});
}

function askedHeaders({ headers }: AnyRequest): string[] {
  const asked = (headers['access-control-request-headers'] ?? '').split(',');
  const known = REQUEST_HEADERS.map((name) => name.toLowerCase());
  return asked.map((name) => name.trim()).filter((name) => isHeaderName(name) && !known.includes(name.toLowerCase()));
}
