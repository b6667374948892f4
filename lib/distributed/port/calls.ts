/** The requests of the rules to a driver, and its answers. */
import type { TaskRef, Tombstone } from '../../core/ports.js';
import type { TaskStatus } from '../../core/task/status.js';
import type { AudienceShare, Ending, Entry, Place, StoredSnapshot, StoredTask } from './stored.js';

/** A reference to one task. A slot leads to the task that runs in it. */
export type Ref = TaskRef;

/** The task that a reference leads to, or its tombstone; undefined where there is neither. */
export type Found = StoredTask | Tombstone | undefined;

/** Tells whether a task was found whose retention is not over. */
export const isTask = (found: Found): found is StoredTask => found !== undefined && found.status !== 'expired';

/** Either the task is there, or another task is in its way. `by` is that task, where it is a single one. */
export type Created = { readonly created: StoredTask } | { readonly taken: Obstacle; readonly by?: StoredTask };

/** Says what is in the way of a new task. */
export type Obstacle = 'idempotencyKey' | 'slot' | 'quota';

/** Events of one task that are appended together: all or none. */
export interface Batch {
  /** The task that is written to. */
  readonly taskId: string;
  /** The fencing token of the writer; the places of all entries carry it. */
  readonly token: number;
  /** In the order of their places, at least one. The last one of an ending holds the terminal event last. */
  readonly entries: readonly Entry[];
  /**
   * JSON of the last progress where it has to be noted: the batch does not end with it, so the text of the last entry
   * does not tell it any more. Undefined: leave what was noted before.
   */
  readonly progress: string | undefined;
  /** Replaces the snapshot that is stored. */
  readonly snapshot: StoredSnapshot | undefined;
  /** The batch ends the task. */
  readonly ending: Ending | undefined;
  /** The log may have outgrown its limits: drop its oldest entries for which `isExcess` holds. */
  readonly trim: boolean;
  /** Nothing but entries was written for a while: renew whatever would expire. Drivers without expiry ignore it. */
  readonly touch: boolean;
}

/**
 * The fate of a batch.
 * - `committed`: it is in the log, now or since an earlier call. `dropped` is the end of the last entry that trimming has
 *   dropped, where it has.
 * - `refused`: the store itself says that this call has changed nothing. `passing`: the same call may be accepted later
 *   (out of memory, no replicas, read-only, loading). Never use it for a missing, late or half-done answer.
 * - `fenced`: the task's token is higher than the batch's.
 * - `ended`: the task has ended, and not by this batch.
 * - `gone`: there is no such task.
 * - `unknown`: the call may or may not have been carried out, now or later.
 */
export type Fate =
  | { readonly kind: 'committed'; readonly dropped?: Place | undefined }
  | { readonly kind: 'refused'; readonly passing: boolean; readonly cause: unknown }
  | { readonly kind: 'fenced' | 'ended' | 'gone' }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/** A task as its claimant expects to find it, and what it is to become. */
export interface Claim {
  /** The task to take over. */
  readonly taskId: string;
  /** Both must be what is stored; otherwise nothing changes. An undefined holder is an orphan's. */
  readonly expected: { readonly token: number; readonly holder: string | undefined };
  /** The new holder. */
  readonly instance: string;
  /** Above the expected token. */
  readonly token: number;
  /** The number of the attempt that begins. */
  readonly attempt: number;
  /** Different for every claim; the same when a claim is asked again because its answer was lost. */
  readonly nonce: string;
  /** Ends the task in the same step: `text` is its terminal event as an entry holds it, of about `bytes` on the wire. */
  readonly ending?: (Ending & Pick<Entry, 'text' | 'bytes'>) | undefined;
}

/** `won`: the task as it is after the claim, with `input` and `progress`. */
export type Claimed = { readonly won: StoredTask } | { readonly lost: 'taken' | 'ended' | 'gone' };

/** A change in the subscribers of one task here. */
export interface AudienceReport extends AudienceShare {
  /** The task that is watched. */
  readonly taskId: string;
  /** Named subscribers that came (no position) or left, in this order. */
  readonly moves: readonly { readonly subscriberId: string; readonly position: number | undefined }[];
}

/** The texts that a caller of `read` needs beside the task. */
export interface Wanted {
  /** JSON of the last progress. */
  readonly progress?: boolean;
  /** JSON of the terminal event's data. */
  readonly outcome?: boolean;
  /** The input of the job. */
  readonly input?: boolean;
  /** The state that was stored last. */
  readonly snapshot?: boolean;
}

/** Orphans of these handlers that are due, or all that have been orphans for so long. */
export type OrphanQuery = { readonly handlers: readonly string[] } | { readonly olderThanMs: number };

/** Newest first. */
export interface ListQuery {
  /** The owner whose tasks are listed; undefined here: everybody's. */
  readonly of: { readonly owner: string | undefined } | undefined;
  /** Lists tasks in this state; undefined: all. */
  readonly status: TaskStatus | undefined;
  /** The number of tasks at most. */
  readonly limit: number;
  /** The id of the last task of the page before: a place in the order, whose task may be gone by now. */
  readonly before: string | undefined;
}
