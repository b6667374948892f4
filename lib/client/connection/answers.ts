/** Tells an answer of the library from one of whatever stands between, and a mistake of the caller from a lost network. */

import { attempt, textOf } from '../storage.js';
import { readerOf } from './abortable.js';

/**
 * Explains why a stream ended without a result, or why the client waits. Branch on `code`: the code that the task failed
 * or was cancelled with (`TASK_FAILED`, `TASK_CANCELLED`, …), the code of a refusal (`TASK_NOT_FOUND`, …; `HTTP_401` and
 * the like where the answer names none), or one of the client's own:
 *
 * - `CLOSED`: by `close()`;
 * - `ENDED`: the task has ended, and its end was seen before (204);
 * - `GAVE_UP`: `maxRetries` retries in a row brought nothing; `cause` is the error of the last one;
 * - `INVALID_REQUEST`: no request could be made; `cause` is the error itself, of `headers`, `fetch`, the URL or the body;
 * - `NOTHING_STORED`: `mode: 'resume'`, and the storage knows no task;
 * - `NO_CRYPTO`: the platform has no `crypto`, and no `idempotencyKey` was given;
 * - `NO_LINK`: the server did not say where the task can be cancelled (its option `publicPath`);
 * - `NO_STREAM`: this `fetch` gives no `ReadableStream`, so nothing could be read before the end;
 * - `UNANSWERED`, `SILENT`, `BUFFERED`, `EVENT_TOO_LARGE`: causes of a wait, see `onStateChange`.
 */
export class StreamError extends Error {
  /** Always `'StreamError'`. */
  override readonly name = 'StreamError';
  /** The HTTP status of the answer that is the reason. */
  readonly status: number | undefined;
  /** The body of that answer: parsed where it is JSON, else its text. */
  readonly body: unknown;

  constructor(
    /** The reason, to branch on. */
    readonly code: string,
    message = code,
    details: { readonly status?: number; readonly body?: unknown; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    ({ status: this.status, body: this.body } = details);
  }
}

/**
 * The library's own refusals of a stream that asking again will not change. Its others (429, 503, `PIPELINING`) pass; a
 * 403 is final whoever says it.
 */
const FINAL_CODE =
  /^(TASK_(NOT_FOUND|EXPIRED)|INVALID_(RESUME_KEY|CURSOR|INPUT)|KEY_REUSED|SLOT_BUSY|METHOD_NOT_ALLOWED)$/;

/** Tells whether an answer only says that this caller may not, whatever becomes of the task. */
export const isDenied = ({ status }: StreamError): boolean => status === 401 || status === 403;

/** An answer that is no stream. */
export interface Refusal {
  /** The refusal as callers see it. */
  readonly error: StreamError;
  /** The library said it, and will say it again. Anything else may come from a proxy, and pass. */
  readonly isFinal: boolean;
}

/** Tells whether an answer carries events. Media types are the same in upper and lower case (RFC 9110, section 8.3.1). */
export const isStream = ({ ok, headers }: Response): boolean =>
  ok && /^text\/event-stream/i.test(headers.get('Content-Type') as string); // the cast: null is no type of this kind

/** Characters of a refusal that are read at least: an answer that is no stream may be a download, and need not end. */
const MAX_REFUSAL = 65_536;

/**
 * Reads an answer that is no stream: a refusal of the library, words of the application, a page of a proxy. An abort of
 * `signal` ends that.
 */
export async function readRefusal(response: Response, signal?: AbortSignal): Promise<Refusal> {
  const { status } = response;
  const text = await readText(response, signal).catch(() => '');
  const body: unknown = attempt(() => JSON.parse(text) as unknown) ?? text;
  const said = Object(body) as Partial<Record<'code' | 'detail' | 'message', string>>;
  // [spec] "a client can be told to stop reconnecting using the HTTP 204 No Content response code"
  const isEnd = status === 204;
  const { code = isEnd ? 'ENDED' : `HTTP_${status}` } = said;
  return {
    error: new StreamError(code, said.detail ?? said.message, { status, body }),
    // The cast: null is no type of this kind either.
    isFinal: isEnd || (/problem\+json/.test(response.headers.get('Content-Type') as string) && FINAL_CODE.test(code)),
  };
}

/**
 * Matches errors that a `fetch` fails with for want of a network. Every platform puts that into words of its own, so a
 * TypeError counts unless it reads like one of a program ("… is not a function"). Others count by their name, or by what
 * Node says of a socket: "connect ECONNREFUSED", "getaddrinfo ENOTFOUND".
 */
const NETWORK_FAILURE =
  /^TypeError(?!.*( is not |undefined|null|annot |can't |nvalid|led to [cep]))|^\w*(Abort|Timeout|Network|Fetch|Socket)|: \w+ E[A-Z_]{3}/;

/** Tells whether `fetch` failed for want of a network. Any other error would only be thrown again. */
export const isNetworkFailure = (error: unknown): boolean => NETWORK_FAILURE.test(textOf(error));

async function readText(response: Response, signal: AbortSignal | undefined): Promise<string> {
  const reader = readerOf(response, signal);
  if (!reader) return response.text();
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < MAX_REFUSAL) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
