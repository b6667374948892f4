import { STATUS_CODES } from 'node:http';
import { rawRequest, requestBytes, type RawResponse } from './raw-http.js';
import type { TaskServer } from '../servers/task-server.js';

export interface Refusal {
  /** As it goes over the wire, so that nothing on the way can correct it. */
  readonly bytes: string | Buffer;
  readonly method?: string;
  readonly status: number;
  readonly code: string;
  /** What must not come back in the answer. */
  readonly secrets?: readonly string[];
}

/**
 * Sends a request that must be refused, and checks the answer (RFC 9457, nothing stored, nothing echoed) and that it
 * left nothing behind: no task, no subscriber, no call of the job.
 */
export async function expectRefused(server: TaskServer, refusal: Refusal): Promise<RawResponse> {
  const { bytes, method = 'GET', status, code, secrets = [] } = refusal;
  const before = await server.state();
  const [response] = await rawRequest(server.port, bytes, [method], 'head');
  if (response === undefined) throw new Error('no answer');
  expect({ status: response.status, complete: response.complete }).toEqual({ status, complete: true });
  expect(response.headers['content-type']).toBe('application/problem+json');
  expect(response.headers['cache-control']).toBe('no-store');
  if (status === 429 || status === 503) expect(response.headers['retry-after']).toMatch(/^[1-5]$/);
  if (method !== 'HEAD') {
    const problem: unknown = JSON.parse(response.body);
    const title = STATUS_CODES[status];
    expect(problem).toEqual({ type: 'about:blank', title, status, detail: expect.any(String), code });
  }
  const answer = `${JSON.stringify(response.headers)}${response.body}`;
  for (const secret of secrets) expect(answer).not.toContain(secret);
  expect(answer).not.toMatch(/\.[jt]s:\d|node_modules/); // no stack
  expect(await server.state()).toEqual(before);
  return response;
}

/** The same request on the routes that stream: `handler()`, `executeWithSSE()`, and the router's events. */
export function streamRoutes(taskId: string): [name: string, path: string][] {
  return [
    ['handler()', '/report'],
    ['executeWithSSE()', '/execute'],
    ['the router', `/tasks/${taskId}/events`],
  ];
}

export const get = (path: string, headers: Record<string, string> = {}): string => requestBytes('GET', path, headers);
