/** The data that a component shows of its task. */
import type { ConnectionState, StateDetail, TaskEvent } from '../client/index.js';

/** The three ends of a task. */
export type Ended = 'completed' | 'failed' | 'cancelled';

/** `idle` before the start; then the state of the connection, and, once it is known, how the task ended. */
export type UseTaskStatus = 'idle' | ConnectionState | Ended;

/** A snapshot of the task for one render; it never changes. */
export interface TaskView<P = unknown, R = unknown> {
  /** `'idle'`, the state of the connection, or how the task ended. */
  readonly status: UseTaskStatus;
  /** The last progress value. */
  readonly progress: P | undefined;
  /** The data of the last snapshot. */
  readonly snapshot: unknown;
  /** All progress values that are strings, joined: the answer of a language model so far. A snapshot that is a string replaces it. */
  readonly text: string;
  /** The last `maxEvents` events; a snapshot stands for those before it. */
  readonly events: readonly TaskEvent<P, R>[];
  /** The result; undefined until the task is `completed`. */
  readonly result: R | undefined;
  /**
   * A StreamError, or the reason of `signal`; after a reload an object with the `code` and `message`. A task that was
   * cancelled by `cancel()` has none.
   */
  readonly error: unknown;
  /** While `waiting`: which retry comes when, and why. */
  readonly retry: StateDetail | undefined;
}
