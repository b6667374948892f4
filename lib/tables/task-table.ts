/** The port of a database that keeps one record per task and can change it in one step. `createTableDriver` does the rest. */
import type { ListQuery, Obstacle, OrphanQuery, Ref, Wanted } from '../distributed/port/calls.js';
import type { Entry, Place, StoredTask } from '../distributed/port/stored.js';

/**
 * A task as a table keeps it, all but the entries of its log. A plain value that JSON can hold; a property that is
 * undefined may come back as one that is absent.
 */
export interface KeptTask extends StoredTask {
  /** The instance that looks after it: its holder, or whoever took it on from a dead one; undefined once it has ended. */
  readonly keeper?: string | undefined;
  /** The progress that was noted beside the log, for when the last entry does not tell it. Otherwise like a text. */
  readonly noted?: string | undefined;
  /** Names the last claim, so that the same one may come twice. */
  readonly nonce?: string | undefined;
  /** Nobody holds it since `sinceMs`, and it may be taken from `dueMs` on. */
  readonly orphan?: { readonly sinceMs: number; readonly dueMs: number } | undefined;
  /** The time at which something is to be done with it: an ended task is forgotten, and a forgotten one deleted. */
  readonly expires?: number | undefined;
  /** Only its tombstone is left: it has no log, no texts, no key and no slot any more. */
  readonly isForgotten?: true | undefined;
}

/** The outcome of a change: the answer for the caller, and what becomes of the task. */
export interface Change<T> {
  /** Is returned by the call that asked for the change. */
  readonly answer: T;
  /** Replaces the task. Undefined deletes it, its log included. Absent: the task stays as it is. */
  readonly task?: KeptTask | undefined;
  /** Entries to append to its log in the same step. */
  readonly entries?: readonly Entry[];
  /**
   * The task differs in `top`, `updatedAtMs` and `progress` alone, which its last entry tells as well (`trailingProgress`).
   * A table that reads them from there need not write the task.
   */
  readonly isLogOnly?: boolean;
  /** Entries up to here are no part of the log any more. They may be deleted later, a few at a time. */
  readonly drop?: Place;
}

/** Answers `insert`: the task that is there now, or what is in its way. */
export type Inserted = { readonly inserted: KeptTask } | { readonly taken: Obstacle; readonly by?: KeptTask };

/** A question to an index. Each names its order. */
export type TaskQuery =
  /** The tasks that `keeper` looks after, by their ids, after the id `after`. */
  | { readonly keeper: string; readonly after: string }
  /** Those with an `orphan` that the query names, whoever has waited longest first. */
  | { readonly orphans: OrphanQuery; readonly now: number }
  /** Those whose `expires` is not above `dueBy`, in this order. */
  | { readonly dueBy: number }
  /** Those whose `expires` is above `now`, if they have one; the last id first. */
  | { readonly list: Omit<ListQuery, 'limit'>; readonly now: number };

/**
 * A table of tasks with their logs, which all instances share. Each call is one step for the task that it names. A promise
 * that rejects says that nobody knows whether the call was carried out, unless `refusal` says more. Times are whole ms
 * since 1970 by the clock of whoever calls.
 */
export interface TaskTable {
  /**
   * The task that a reference leads to, as `leadsTo` says. `wanted` are the texts (`input`, `progress`, `outcome`,
   * `snapshot`) that the caller needs; to leave out the others is up to you.
   */
  find(ref: Ref, now: number, wanted?: Wanted): Promise<KeptTask | undefined>;
  /** Adds a task, unless `obstacleTo` names something: of any number of concurrent calls with one key or slot, one does. */
  insert(task: KeptTask, quota: number, now: number): Promise<Inserted>;
  /**
   * Changes the task with this id in one step, as `change` says, which is called with undefined where there is none. It is
   * pure, answers at once, and may be called again with what the task is by then. A text that is absent from the task
   * that it returns, because it was not wanted, stays as it was, unless the task is forgotten.
   */
  change<T>(taskId: string, change: (task: KeptTask | undefined) => Change<T>, wanted?: Wanted): Promise<T>;
  /**
   * Entries of its log above a place, oldest first: at most `limit`, and fewer only where there are no more. Where
   * `textless` is true the caller looks at places and sizes alone; to leave the texts empty then is up to you.
   */
  readAfter(taskId: string, after: Place, limit: number, textless?: boolean): Promise<readonly Entry[]>;
  /** All tasks after the id `after`, by their ids: at most `limit`, and fewer only where there are no more. */
  walk(after: string, limit: number): Promise<readonly KeptTask[]>;
  /** The first `limit` tasks that a query asks for. Without it, `walk` looks through all tasks. */
  select?(query: TaskQuery, limit: number): Promise<readonly KeptTask[]>;
  /**
   * Says of an error that a call has rejected with that nothing was changed: `passing` where the same call may succeed
   * later (the disk is full, the database is busy). Undefined: it may have been changed all the same.
   */
  refusal?(error: unknown): 'passing' | 'final' | undefined;
  /** Called with each sweep, after tasks were forgotten: gives space back, and deletes what a call that was cut short has left. */
  tidy?(now: number): Promise<void>;
}

const isRunning = (task: KeptTask): boolean => task.status === 'running';

/** Tells whether the retention of a task is not over. */
export const isKept = ({ isForgotten, expires = Infinity }: KeptTask, now: number): boolean =>
  isForgotten !== true && expires > now;

/** Tells whether `ref` leads to the task. Ids lead to tasks whose retention is over as well, keys and slots do not. */
export function leadsTo(ref: Ref, task: KeptTask, now: number): boolean {
  if ('taskId' in ref) return task.taskId === ref.taskId;
  if ('resumeKey' in ref) return task.resumeKey === ref.resumeKey;
  if (task.owner !== ref.owner || !isKept(task, now)) return false;
  return 'slot' in ref ? task.slot === ref.slot && isRunning(task) : task.idempotencyKey === ref.idempotencyKey;
}

/**
 * Returns what is in the way of a new task: its own id, its idempotency key, its slot or its owner's quota, in this order.
 * A tombstone with its id is replaced by the new task.
 * @param find what is in the table, within the step that inserts
 * @param countRunning the tasks of an owner that run
 */
export function obstacleTo(
  { taskId, owner, idempotencyKey, slot }: KeptTask,
  quota: number,
  find: (ref: Ref) => KeptTask | undefined,
  countRunning: (owner: string | undefined) => number,
): Inserted | undefined {
  const inserted = find({ taskId });
  if (inserted !== undefined && !inserted.isForgotten) return { inserted };
  const repeated = idempotencyKey === undefined ? undefined : find({ idempotencyKey, owner });
  if (repeated !== undefined) return { taken: 'idempotencyKey', by: repeated };
  const occupant = slot === undefined ? undefined : find({ slot, owner });
  if (occupant !== undefined) return { taken: 'slot', by: occupant };
  return quota !== Infinity && countRunning(owner) >= quota ? { taken: 'quota' } : undefined;
}
