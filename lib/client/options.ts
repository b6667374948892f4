import type { TaskEvent } from '../sse/frame.js';
import type { ConnectionOptions, ConnectionState } from './connection.js';
import type { TaskStorage } from './storage.js';

/** A value, or a function that is asked for it at every attempt. */
export type Fresh<T> = T | (() => T | Promise<T>);

/** Of another origin: its server must allow the page's. Relative ones need a page. */
export type TaskUrl = Fresh<string | URL>;

export interface StreamTaskOptions<P = unknown, R = unknown> extends ConnectionOptions {
  /** Default: GET. A lost stream is asked for with the same method, but without the body; after a 202 with GET. */
  method?: string | undefined;
  /** Sent with the start alone. No stream: the start is repeated where its first answer is lost. */
  body?: Exclude<RequestInit['body'], ReadableStream> | undefined;
  /** Asked for at every attempt where it is a function: a token never gets old. */
  headers?: Fresh<RequestInit['headers']>;
  credentials?: RequestInit['credentials'] | undefined;
  /**
   * Names the start, so that it can be repeated until it has been answered: the same key is the same task. 1 to 255
   * visible ASCII characters. Default: a random one for each call.
   */
  idempotencyKey?: string | undefined;
  /**
   * Remembers the task, so that the same call finds it again after a reload: `sessionStorage` or anything like it.
   * Forgotten at the end of the task, and where the server does not know it any more. Default: none.
   */
  storage?: TaskStorage | undefined;
  /**
   * The name of the item in the storage; as long as it is there, a call comes back to that task and starts nothing.
   * Default: `task:` and the URL (where that is a function: nothing more).
   */
  storageKey?: string | undefined;
  /**
   * Where a page begins that has lost its memory: at the log's start (default), at a snapshot where the task has one, or
   * after what was handled before. A mere reconnect always goes on at its position.
   */
  resumeFrom?: 'start' | 'snapshot' | 'position' | undefined;
  onProgress?: ((data: P, seq: number) => void) | undefined;
  /** Every event, progress included. */
  onEvent?: ((event: TaskEvent<P, R>) => void) | undefined;
  /** Events that will not come: see the protocol. */
  onGap?: ((gap: Extract<TaskEvent, { kind: 'gap' }>) => void) | undefined;
}

/**
 * A task as its client sees it. Iterating yields events from then on, so begin in the same turn to get all of them. The
 * loop ends after the terminal event or `close()`, and throws a StreamError where
 * the stream is over for any other reason.
 */
export interface TaskConnection<P = unknown, R = unknown> extends AsyncIterable<TaskEvent<P, R>> {
  /** Known from the first answer on. */
  readonly taskId: string | undefined;
  readonly resumeKey: string | undefined;
  readonly state: ConnectionState;
  /**
   * The task's result. Rejects with a StreamError: the task's own error, or why the stream is over without its end; with
   * the reason of `signal` where that aborted. Nobody needs to look at it.
   */
  readonly result: Promise<R>;
  /** Leaves the task running and remembered. */
  close(): void;
  /**
   * Cancels the task, which ends the stream with a `cancelled` event. Waits for the first answer; resolves as well
   * where the task has ended already. Rejects with a StreamError, such as `NO_LINK`, or where the request fails.
   */
  cancel(): Promise<void>;
}
