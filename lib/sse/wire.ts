import type { ProgressFold } from '../core/snapshot.js';
import type { FinalStatus } from '../core/status.js';

/** What a wire may know of the task whose events it frames. */
export interface WireTask {
  readonly taskId: string;
  /** What it is a task of, as its start has said. */
  readonly slot?: string | undefined;
}

/** One event of the log, before it is framed. */
export interface WireEvent {
  /** 1, 2, 3 … */
  readonly seq: number;
  /** The name that `emit` gave it; undefined: progress. Holds no line break. */
  readonly name: string | undefined;
  /** Its data: one line of JSON. */
  readonly json: string;
}

/** The last event of the log. */
export interface WireEnd {
  readonly seq: number;
  readonly status: FinalStatus;
  /** `{"task_id","status"}` and `result`, or `error: {code, message}`, or `code` and `reason`: one line of JSON. */
  readonly json: string;
  /** JSON of the last progress; undefined where there was none. */
  readonly progress: string | undefined;
}

/** Events that a client will not get: `from` to `to`, both included. */
export interface WireGap {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** A connection as it begins. */
export interface WireStream extends WireTask {
  readonly resumeKey: string;
  readonly status: string;
  /** The task was there before this request. */
  readonly resumed: boolean;
  /** The seq of the last event that the client has. */
  readonly position: number;
}

/** The fold of a wire. */
export type WireFold = ProgressFold;

/** What `snapshot` frames. */
export interface WireSnapshot {
  /** A state that the wire's own fold, or the handler's `snapshot` option, has returned. */
  readonly json: string;
  /** It stands for all events up to this one. */
  readonly seq: number;
  /** The client has everything up to this one already. */
  readonly after: number;
}

/** What a refused request says before any stream begins. */
export interface WireRefusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

/**
 * How the log of a task is framed for one kind of client: a plain object of pure functions from ids and events to text.
 *
 * What each function returns is whole frames of `text/event-stream`, each with an empty line at its end. The text of an
 * event or an end carries its id in an `id:` line of its last frame: so a client that was cut comes back exactly. A
 * wire is known by its name on every instance, so wires of your own are listed in the manager's option `wires`.
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
  /** Response headers beside those of every stream. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Media types that clients of this wire ask for although they read `text/event-stream`. Default: none. */
  readonly accepts?: readonly string[];
  /** Sent before anything else on every connection. Carries no id beyond the client's position. Default: nothing. */
  readonly prelude?: (id: string, stream: WireStream) => string;
  /** Progress, or an event of `emit`. Called once per event, whatever the number of clients. */
  readonly event: (id: string, event: WireEvent, task: WireTask) => string;
  /** The terminal event. */
  readonly end: (id: string, end: WireEnd, task: WireTask) => string;
  /** Says that events are missing, or ends the client's faith in the stream where its protocol cannot say so. */
  readonly gap: (id: string, gap: WireGap) => string;
  /**
   * A state in the place of events, framed so that a client which has everything up to `after` gets the rest; `idAt`
   * makes ids. Default: a handler on this wire can have no `snapshot`, and a late client gets a gap.
   */
  readonly snapshot?: (snapshot: WireSnapshot, idAt: (seq: number) => string, task: WireTask) => string;
  /** A new fold for one task, of at most about `maxBytes`. Where it is given, a start without a cursor gets a snapshot. */
  readonly fold?: (maxBytes: number) => WireFold;
  /** The body of a refusal in words that these clients can show. Default: RFC 9457 `application/problem+json`. */
  readonly refusal?: (refusal: WireRefusal) => { readonly contentType: string; readonly body: string };
}
