/** Sends JSON answers. */
import type { StreamResponse } from '../sse/connection.js';
import { sendWhole } from '../sse/whole-answer.js';

/**
 * Answers with JSON that must not be cached, because a key or an owner decides about its contents.
 * Returns false where the client is told nothing: see `sendWhole`.
 * @param body JSON text as it is
 */
export function sendJson(
  res: StreamResponse,
  body: object | string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): boolean {
  const all = { 'Cache-Control': 'no-store', 'Content-Type': 'application/json; charset=utf-8', ...headers };
  return sendWhole(res, status, all, typeof body === 'string' ? body : JSON.stringify(body));
}
