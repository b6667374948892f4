/** Sends JSON answers. */
import type { StreamResponse } from '../sse/connection.js';
import { COPIED_BYTES } from '../sse/chunks.js';
import { sendLarge, sendWhole, type Watch } from '../sse/whole-answer.js';

const JSON_HEADERS = { 'Cache-Control': 'no-store', 'Content-Type': 'application/json; charset=utf-8' };

/**
 * Answers with JSON that must not be cached, because a key or an owner decides about its contents.
 * Returns false where the client is told nothing: see `sendWhole`.
 */
export function sendJson(
  res: StreamResponse,
  body: object,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): boolean {
  return sendWhole(res, status, { ...JSON_HEADERS, ...headers }, JSON.stringify(body));
}

/**
 * Answers like `sendJson`, with what may be large.
 * @param body JSON text as it is
 */
export function sendLargeJson(res: StreamResponse, watch: Watch, body: object | string): boolean {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return bytes.length > COPIED_BYTES
    ? sendLarge(res, JSON_HEADERS, watch, bytes)
    : sendWhole(res, 200, JSON_HEADERS, bytes);
}
