/** The options of `streamTask`, and the connection that it returns. */
import type { TaskEvent } from '../sse/frame.js';
import type { ConnectionOptions, ConnectionState } from './connection/options.js';
import type { TaskStorage } from './storage.js';
import type { ValueOrGetter } from './value-or-getter.js';

/**
 * The URL that starts a task. A function is called for every request, the ones that come back to the task included; its
 * query goes along to where the task is attached, so that a token in it never gets old. A URL of another origin needs a
 * server that allows the page's. A relative URL needs a page.
 */
export type TaskUrl = ValueOrGetter<string | URL>;

/** Options of `streamTask`. */
export interface StreamTaskOptions<P = unknown, R = unknown> extends ConnectionOptions {
  /**
   * Method of the start. Default: `'GET'`. A client comes back by GET to where the server says (`Content-Location`); if it
   * says nothing, the start's request is repeated with the last event id.
   */
  method?: string | undefined;
  /** Sent with the start. No stream, since a start whose first answer is lost is repeated. Default: none. */
  body?: Exclude<RequestInit['body'], ReadableStream> | undefined;
  /**
   * Names the start, so that it can be repeated until it has been answered: the same key is the same task. 1 to 255
   * visible ASCII characters. Default: a random one for each call.
   */
  idempotencyKey?: string | undefined;
  /**
   * Remembers the task, so that a page finds it again after a reload: `sessionStorage` or anything like it. Forgotten at
   * the end of the task, and where the server does not know it any more. Default: none.
   */
  storage?: TaskStorage | undefined;
  /** The name of the item in the storage. Default: `task:` and the URL (where that is a function: nothing more). */
  storageKey?: string | undefined;
  /**
   * Chooses between a new task and the one that the storage knows.
   *
   * - `'auto'`: comes back to the task that the storage knows; starts one where it knows none, or one that the server has
   *   forgotten;
   * - `'start'`: always starts a new one, which takes the place of the other in the storage;
   * - `'resume'`: comes back and never starts; rejects with `NOTHING_STORED` where there is nothing to come back to.
   *
   * Default: `'auto'`.
   */
  mode?: 'auto' | 'start' | 'resume' | undefined;
  /**
   * Chooses where a page begins that has lost its memory: at the log's start, at a snapshot where the task has one, or after what
   * was handled before. A mere reconnect always goes on at its position. Default: `'start'`.
   */
  resumeFrom?: 'start' | 'snapshot' | 'position' | undefined;
  /**
   * Ask for answers that end by themselves (`Prefer: wait`), for lines that hold answers back until they are complete:
   * `true` from the start, `false` never. Default: after two attempts that brought no byte for 8 s; the origin is
   * remembered for an hour in `storage` or the page's `sessionStorage`.
   */
  bounded?: boolean | undefined;
  /** Called with every progress value and its seq. */
  onProgress?: ((data: P, seq: number) => void) | undefined;
  /** Called with every event, progress included. */
  onEvent?: ((event: TaskEvent<P, R>) => void) | undefined;
  /** Called with every gap: events that will not come. */
  onGap?: ((gap: Extract<TaskEvent, { kind: 'gap' }>) => void) | undefined;
}

/**
 * A task as its client sees it. Iterating yields the events from then on, so begin in the same turn to get all of them.
 * The loop ends after the terminal event or `close()`, and throws a StreamError where the stream is over for any other
 * reason. A slow loop slows the connection down.
 */
export interface TaskConnection<P = unknown, R = unknown> extends AsyncIterable<TaskEvent<P, R>> {
  /** Known from the first events on. */
  readonly taskId: string | undefined;
  /** A secret: whoever has it may read the task. Known from the first answer on. */
  readonly resumeKey: string | undefined;
  /** `'connecting'` at first; `'closed'` for good, with the end of the task or `close()`. */
  readonly state: ConnectionState;
  /**
   * Resolves to the task's result. Rejects with a StreamError (the task's own error, or why the stream is over without
   * its end), or with the reason of `signal` where that aborted. It is never an unhandled rejection.
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
