/**
 * The values that a driver keeps. Plain values only: how they are laid out in a table, a hash or a stream is the driver's business.
 * Times are ms since 1970 and only shown; what has expired is decided by the store's own clock alone.
 */
import type { FinalStatus, TaskStatus } from '../../core/task/status.js';

/** The schema of everything that is stored. What carries a higher number is refused by name, never guessed at. */
export const SCHEMA = 2;

/**
 * The place at which an entry of a log ends. Places are ordered by `token`, then by `seq`; a log only ever takes a place above its
 * last one. So a writer whose token is old is refused by the log itself, and so is what was appended before.
 */
export interface Place {
  /** The fencing token of whoever appended it: 1 for the first holder of the task, below 2^30. */
  readonly token: number;
  /** The seq of the last event up to here, below 10^10. It never decreases along a log; it may jump. */
  readonly seq: number;
  /** Wire bytes of all events of the task up to here, including those that are not kept any more. */
  readonly bytes: number;
}

/** Before the first entry of any log. */
export const START: Place = Object.freeze({ token: 0, seq: 0, bytes: 0 });

/** Some events that are stored together. One with no events marks that another instance has taken the task over. */
export interface Entry {
  /** The place at which it ends; its first event has the seq `place.seq + 1 - events`. */
  readonly place: Place;
  /** The number of its events, 64 at most. */
  readonly events: number;
  /** Wire bytes of its own events. */
  readonly bytes: number;
  /** The wall clock when it was appended. */
  readonly atMs: number;
  /** Its events as `eventLines` writes them. Contains line feeds, and any other Unicode text. */
  readonly text: string;
  /** The schema of `text`. A driver must be able to return an entry of a schema that it does not know. */
  readonly schema: number;
}

/** The state that a task's progress has been folded into. */
export interface StoredSnapshot {
  /** The last event that the state includes. */
  readonly seq: number;
  /** The state as JSON. */
  readonly json: string;
}

/** The properties that a task is created with; none of them ever changes. */
export interface Draft {
  /** The public id, a v7 uuid: ids sort by time. */
  readonly taskId: string;
  /** The secret, 22 base64url characters. */
  readonly resumeKey: string;
  /** Undefined is an owner of its own: its tasks, keys, slots and quota are shared by all who have none. */
  readonly owner: string | undefined;
  /** Unique per owner for as long as its task is kept. */
  readonly idempotencyKey: string | undefined;
  /** Identifies the payload that the idempotency key came with. */
  readonly fingerprint: string | undefined;
  /** At most one task runs per owner and slot. */
  readonly slot: string | undefined;
  /** The name of its framing; undefined: the default one. */
  readonly wire: string | undefined;
  /** The handler that can run it again: `name:<name>` of a named handler, else `route:<METHOD> <path>`; undefined: nobody. */
  readonly handler: string | undefined;
  /** The job's input as JSON; undefined where it cannot be kept, and the task therefore cannot be run again. */
  readonly input: string | undefined;
  /** The time of the start, by the wall clock of the instance. */
  readonly createdAtMs: number;
  /** The schema that the task was written with. */
  readonly schema: number;
}

/** The part of a task that can change and is looked at often: small, without any text of its events. */
export interface TaskState {
  /** The public id. */
  readonly taskId: string;
  /** The state of the task. */
  readonly status: TaskStatus;
  /** The token of the current holder; whoever claims the task gets a higher one. */
  readonly token: number;
  /** The instance that runs it; undefined: nobody does, and it is listed among the orphans. */
  readonly holder: string | undefined;
  /** The number of its current run, 1 for the first time. */
  readonly attempt: number;
  /** The number of its runs that ended because their instance was gone; one that was handed over is none of them. */
  readonly losses: number;
  /** The reason why it is to be cancelled, as JSON; undefined: it is not. */
  readonly cancel: string | undefined;
  /** The end of its log. Where the log itself is lost, at least what was noted beside it at the last claim or end. */
  readonly top: Place;
  /** The schema that the task was written with. */
  readonly schema: number;
}

/** A task without the texts that may be large; `read` adds those on request. */
export interface StoredTask extends Omit<Draft, 'input'>, TaskState {
  /** The wall clock when its log last grew. */
  readonly updatedAtMs: number;
  /** The time of the terminal event; undefined while it runs. */
  readonly endedAtMs: number | undefined;
  /** From then on it may be forgotten. */
  readonly expiresAtMs: number | undefined;
  /** The end of the last entry that was dropped; `seq` 0 where all are kept. Its `token` does not matter. */
  readonly dropped: Place;
  /** JSON of the terminal event's data. Only where asked for, and the task has ended. */
  readonly outcome?: string | undefined;
  /** JSON of the last progress, even if its entry was dropped. Only where asked for. */
  readonly progress?: string | undefined;
  /** The state that was stored last. Only where asked for. */
  readonly snapshot?: StoredSnapshot | undefined;
  /** Only where asked for. */
  readonly input?: string | undefined;
}

/** Returns a task as it is when it has just been created, without its input. */
export const newTask = ({ input: _, ...draft }: Draft, holder: string): StoredTask => ({
  ...draft,
  status: 'running',
  token: 1,
  holder,
  attempt: 1,
  losses: 0,
  cancel: undefined,
  top: START,
  dropped: START,
  updatedAtMs: draft.createdAtMs,
  endedAtMs: undefined,
  expiresAtMs: undefined,
});

/** The end of a task. */
export interface Ending {
  /** The final state. */
  readonly status: FinalStatus;
  /** JSON of the terminal event's data. */
  readonly outcome: string;
}

/** A sign of life. */
export interface Beat {
  /** The instance that is alive. */
  readonly instance: string;
  /** The instance may be silent for this long before it counts as dead, in ms. */
  readonly leaseMs: number;
  /** The schema that the instance writes. */
  readonly schema: number;
}

export interface InstanceState extends Beat {
  /** Its beats so far, as the store has counted them. */
  readonly count: number;
}

/** Subscribers of one task on one instance. */
export interface AudienceShare {
  /** The instance that they are attached to. */
  readonly instance: string;
  /** Grows with each change that the instance reports. */
  readonly version: number;
  /** The number of subscribers. */
  readonly count: number;
}

/** The last that is known of a subscriber by name. */
export interface Departure {
  /** The instances that it is attached to, dead ones included. */
  readonly attachedTo: readonly string[];
  /** The seq of the last event that it was sent when it last left; undefined where it never has. */
  readonly position: number | undefined;
}
