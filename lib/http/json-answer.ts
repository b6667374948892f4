/** Sends JSON answers. */
import type { StreamResponse } from '../sse/connection.js';

/**
 * Answers with JSON that must not be cached, because a key or an owner decides about its contents.
 * @param body JSON text as it is
 */
export function sendJson(
  res: StreamResponse,
  body: object | string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, { 'Cache-Control': 'no-store', 'Content-Type': 'application/json; charset=utf-8', ...headers });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
}
