/** The contract of a wire, which frames the log of a task for one kind of client. */
import type { ProgressFold } from '../core/run/snapshot.js';
import type { FinalStatus } from '../core/task/status.js';

/** The part of a task that a wire may use. */
export interface WireTask {
  /** The public id of the task. */
  readonly taskId: string;
  /** The slot that it was started in; undefined where there is none. */
  readonly slot?: string | undefined;
}

/** One event of the log, before it is framed. */
export interface WireEvent {
  /** The number of the event: 1, 2, 3 … */
  readonly seq: number;
  /** The name that `emit` gave it, without line breaks; undefined for progress. */
  readonly name: string | undefined;
  /** Its data as one line of JSON. */
  readonly json: string;
}

/** The last event of the log. */
export interface WireEnd {
  /** The number of the event. */
  readonly seq: number;
  /** The final state of the task. */
  readonly status: FinalStatus;
  /**
   * One line of JSON: `task_id`, `status`, and either `result`, or `error: {code, message}`, or `code` and `reason`.
   */
  readonly json: string;
  /** JSON of the last progress; undefined where there was none. */
  readonly progress: string | undefined;
}

/** Events that a client will not get: `from` to `to`, both included. */
export interface WireGap {
  /** The seq of the first missing event. */
  readonly from: number;
  /** The seq of the last missing event. */
  readonly to: number;
  /** The reason: `trimmed`, `ahead` or `lost`. */
  readonly reason: string;
}

/** A connection that begins. */
export interface WireStream extends WireTask {
  /** The secret of the task. */
  readonly resumeKey: string;
  /** The state of the task when the connection begins. */
  readonly status: string;
  /** True where the task existed before this request. */
  readonly resumed: boolean;
  /** The seq of the last event that the client has. */
  readonly position: number;
}

/** Folds the progress of one task into the state that `Wire.snapshot` frames. */
export type WireFold = ProgressFold;

/** A state, as `Wire.snapshot` frames it. */
export interface WireSnapshot {
  /** The state as JSON. The wire's own fold, or the handler's option `snapshot`, has returned it. */
  readonly json: string;
  /** The seq of the last event that the state stands for. */
  readonly seq: number;
  /** The seq of the last event that the client already has. */
  readonly after: number;
}

/** A request that is refused before any stream begins. */
export interface WireRefusal {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The code of the error: see `ErrorCode`. */
  readonly code: string;
  /** The message of the error, meant for clients. */
  readonly detail: string;
}

/**
 * Frames the log of a task for one kind of client. A wire is a plain object of pure functions from ids and events to
 * text.
 *
 * Each function returns whole frames of `text/event-stream`, each with an empty line at its end. The text of an event
 * or an end carries its id in an `id:` line of its last frame, so that a client that was cut resumes exactly. A wire is
 * known by its name on every instance, so your own wires are listed in the manager's option `wires`.
 *
 *
 * @example
 * const lines: Wire = {
 *   name: 'lines',
 *   event: (id, { json }) => `data: ${json}\nid: ${id}\n\n`,
 *   end: (id, { status }) => `event: ${status}\ndata:\nid: ${id}\n\n`,
 *   gap: (id, { from, to }) => `event: gap\ndata: ${from}-${to}\nid: ${id}\n\n`,
 * };
 */
export interface Wire {
  /** 1 to 64 characters of a-z, 0-9 and `-`. Stored with every task, so it must not change while tasks are kept. */
  readonly name: string;
  /** Further response headers, beside those of every stream. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Media types that clients of this wire ask for although they read `text/event-stream`. Default: none. */
  readonly accepts?: readonly string[];
  /**
   * Returns the text that is sent before anything else on every connection. It may carry no id but the client's
   * position. Default: nothing.
   */
  readonly prelude?: (id: string, stream: WireStream) => string;
  /** Frames progress, or an event of `emit`. Called once per event, whatever the number of clients. */
  readonly event: (id: string, event: WireEvent, task: WireTask) => string;
  /** Frames the terminal event. */
  readonly end: (id: string, end: WireEnd, task: WireTask) => string;
  /**
   * Frames a gap: tells the client that events are missing or, where its protocol cannot say so, ends the stream with
   * an error.
   */
  readonly gap: (id: string, gap: WireGap) => string;
  /**
   * Frames a state in the place of events, so that a client which has everything up to `after` gets the rest. `idAt`
   * makes ids. Default: a handler on this wire can have no `snapshot`, and a late client gets a gap.
   */
  readonly snapshot?: (snapshot: WireSnapshot, idAt: (seq: number) => string, task: WireTask) => string;
  /**
   * Makes a fold for one task, of about `maxBytes` at most. With a fold, a client that starts without a cursor gets a
   * snapshot.
   */
  readonly fold?: (maxBytes: number) => WireFold;
  /** Words a refusal so that these clients can show it. Default: RFC 9457 `application/problem+json`. */
  readonly refusal?: (refusal: WireRefusal) => { readonly contentType: string; readonly body: string };
}
