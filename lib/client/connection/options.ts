/** The options that callers can set for every kind of connection. */
import type { ValueOrGetter } from '../value-or-getter.js';
import type { StreamError } from './answers.js';

/** `connecting`: a request is out; `open`: its stream is read; `waiting`: for the next retry; `closed`: for good. */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

/** The reason why a connection is in its state. */
export interface StateDetail {
  /** Counts the retries since the last event, the one that is waited for included: 0 if none was needed. */
  readonly attempt: number;
  /** While `waiting`: how long at most, in ms. A page that becomes visible or online again may end a wait early. */
  readonly waitMs: number | undefined;
  /**
   * While `waiting`, it tells what ended the last attempt: an error of `fetch`, or a StreamError. That is an answer that is
   * none of the library's (`status`, `body`), `UNANSWERED` (no byte came in time), `SILENT` (no more came for `watchdogMs`),
   * `BUFFERED` (something between holds answers back until they are complete) or `EVENT_TOO_LARGE`. It is undefined if the
   * server ended the stream in good order. When `closed`, it tells why, and is undefined after `close()` and after the end
   * of the task.
   */
  readonly cause: unknown;
}

/** A request or the head of its answer, for logs. Both carry keys that whoever has them may read the task with. */
export type DebugRecord =
  | { kind: 'request'; method: string; url: string; headers: Headers }
  | { kind: 'answer'; url: string; status: number; headers: Headers };

/** Sends a request: `fetch`, or anything that is called and answers like it. Gets a URL and never a `Request`. */
export type FetchLike = (url: string, init: RequestInit) => Promise<Response>;

/** The options that `streamTask`, `connectHub` and `useTask` share. */
export interface ConnectionOptions {
  /**
   * Headers of every request; a function is called for each, so that a token never gets old. `Content-Type` is left out
   * where a task's body is not sent. Default: none.
   */
  headers?: ValueOrGetter<RequestInit['headers']>;
  /** Passed to `fetch`. Default: `'same-origin'`. */
  credentials?: RequestInit['credentials'] | undefined;
  /**
   * Sends the requests, all of them: one with a proxy, a cookie jar, a log, or the `fetch` of `expo/fetch` in React
   * Native. What it throws ends the connection, unless it is the error of a network. Default: the global `fetch`.
   */
  fetch?: FetchLike | undefined;
  /**
   * Retry when nothing, not even a heartbeat, has come for so long, in ms; Infinity: never. A request that carries a body
   * is given 1 s more per 16 KiB. Default: 45,000.
   */
  watchdogMs?: number | undefined;
  /** Give up after so many retries in a row that brought no event; never while the page is offline. Default: Infinity. */
  maxRetries?: number | undefined;
  /** An event that is longer, in characters, is not read on: a line that never ends must not fill the memory. Default: 16,777,216. */
  maxEventBytes?: number | undefined;
  /**
   * Tells whether an answer that is not the library's own ends the connection. Everything else is retried, since it may be
   * a proxy's: return true for refusals of your application, such as its 400. Default: 401 and 403 do.
   */
  isFinal?: ((refusal: StreamError) => boolean | Promise<boolean>) | undefined;
  /** Ends the connection as `close()` does; the promise rejects with the signal's reason. Default: none. */
  signal?: AbortSignal | undefined;
  /** Called at every change of state. */
  onStateChange?: ((state: ConnectionState, detail: StateDetail) => void) | undefined;
  /** Called with every request and every answer of the stream. Failures are told by `onStateChange`. */
  debug?: ((record: DebugRecord) => void) | undefined;
}
