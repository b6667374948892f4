/** Defines the port that a driver implements, method by method. */
import type { Clock } from '../../core/clock.js';
import type { LogLimits } from '../../core/log/event-log.js';
import type { Tombstone } from '../../core/ports.js';
import type { Notifications, NotificationListener, Note } from './notifications.js';
import type {
  AudienceReport,
  Batch,
  Claim,
  Claimed,
  Created,
  Fate,
  ListQuery,
  OrphanQuery,
  Ref,
  Wanted,
} from './calls.js';
import type {
  AudienceShare,
  Beat,
  Departure,
  Draft,
  Entry,
  InstanceState,
  Place,
  StoredTask,
  TaskState,
} from './stored.js';

/** The settings that a driver is told once, when its store is opened. */
export interface DriverSettings {
  /** The name of this instance: never used before, never used again. */
  readonly instance: string;
  /** The source of time of this instance. It measures durations alone. */
  readonly clock: Clock;
  /** An ended task stays readable for this long, and its tombstone stands as long again, in ms. */
  readonly ttlMs: number;
  /** A store whose keys can expire keeps a running task at least this long after it was last touched, in ms. */
  readonly runningTtlMs: number;
  /** The bounds of one task's log. */
  readonly limits: LogLimits;
  /** Running tasks per owner; Infinity where nobody counts. */
  readonly maxTasksPerOwner: number;
  /** The store may take this long to answer, in ms. The rules stop waiting then; a driver may use it for its own ends. */
  readonly timeoutMs: number;
}

/**
 * The abilities that a database must have. The rules of shared tasks stand above it and use nothing else; a driver knows none
 * of them.
 *
 * **Atomicity.** Each call is atomic for each task that it names: no reader sees half of it. Nothing is asked of several
 * tasks together, nor of a task together with an index. An index (by key, slot, owner, holder, handler or expiry) may be
 * written before or after its task, in an order that lets nobody find what is not there, and an entry is always compared
 * with its task before anything is concluded from it. What an index has lost is found again by `walk`.
 *
 * **Repetition.** Any call may be made again with the same arguments, at once or much later, because an answer was lost
 * or because the network delivered it twice. The second one changes nothing and answers as the first.
 *
 * **Errors.** A promise that rejects says that the fate of the call is unknown: it may have been carried out, or may be
 * later. Only `append` can say more. A call need not time out by itself; one that hangs is treated as rejected after
 * `timeoutMs`, and its late answer is ignored. No method throws synchronously. A store that was written by a newer schema
 * is refused by rejecting with a TaskError `STORE_UNAVAILABLE` that says so.
 *
 * **Order.** Calls may overtake each other, except that `append` is called for a task only when the fate of the call
 * before it is known. **Re-entrancy**: any method may be called from any callback of the driver.
 */
export interface TaskDriver {
  /** Called once, before anything else. May throw TaskError `INVALID_OPTION`. */
  open(settings: DriverSettings): void;

  /**
   * Creates a running task with token 1, attempt 1, an empty log and `holder`, unless its idempotency key or its slot
   * belongs to another task, or its owner has `quota` running ones (checked in this order): at least 1, `maxTasksPerOwner`
   * where it is not given, less where jobs of tasks that have ended still run.
   * A key is taken while its task is kept, ended or not; a slot, and a place in the quota, only while its task runs. Of
   * any number of concurrent calls with one key or slot exactly one creates a task. The same draft again: `created`.
   */
  create(draft: Draft, holder: string, quota?: number): Promise<Created>;

  /**
   * The task that a reference leads to, in one round trip: `taskId`, `resumeKey`, `idempotencyKey` or `slot` (running
   * tasks only). A tombstone where its retention is over by the store's clock, swept or not; undefined where there is
   * none, or the key or slot is free.
   */
  read(ref: Ref, wanted?: Wanted): Promise<StoredTask | Tombstone | undefined>;

  /** The states of many tasks, in the order asked for; undefined where there is no task, or only a tombstone. */
  look(taskIds: readonly string[]): Promise<readonly (TaskState | undefined)[]>;

  /**
   * Appends what several tasks have to say in one turn, each batch on its own, and answers a fate for each, in the same order:
   * none of them has to wait for a batch that another node of the store is slow to take. Entries whose
   * place is in the log already are skipped. With an `ending` the task takes its status, outcome and time of expiry,
   * and leaves its slot, its quota and the index of its holder. Notifies the instances that follow the task.
   * Called at most once per task at a time, as often as every turn of the event loop: this is the hot path.
   */
  append(batches: readonly Batch[]): readonly Promise<Fate>[];

  /** Entries after a place, oldest first: at most `limit`, and fewer only where there are no more. */
  readAfter(taskId: string, after: Pick<Place, 'token' | 'seq'>, limit: number): Promise<readonly Entry[]>;

  /**
   * Gives a running task to a new holder: token, holder, attempt and nonce change, and an entry without events at the
   * log's last seq, with the new token, fences the old holder, all in one step or not at all. A progress that ends the
   * log is noted first, since the text of the last entry does not tell it any more. With an `ending` the terminal event
   * follows as the next seq, in the same step.
   * Moves the task from the index of its holder (or from the orphans) to the new one's; with an ending, to none.
   * A task whose token and nonce are the claim's already: `won`, as the first time.
   */
  claim(claim: Claim): Promise<Claimed>;

  /**
   * Takes a running task from its holder, if token and holder are as expected, and lists it among the orphans of its
   * handler, due after `delayMs` by the store's clock. `losses` replaces the stored number of losses; undefined leaves it.
   * False where token and holder are not as expected; true again when asked again.
   */
  orphan(taskId: string, expected: Claim['expected'], delayMs: number, losses?: number): Promise<boolean>;

  /** Removes a running task of which nothing was ever appended and whose token is 1, with its key and slot. */
  remove(taskId: string): Promise<void>;

  /** Stores why a running task is to be cancelled, unless a reason is stored already. Undefined where none runs. */
  requestCancel(taskId: string, reason: string): Promise<TaskState | undefined>;

  /** Notes the subscribers of tasks, all that are named. A report whose version is not above the stored one is ignored. */
  reportAudience(reports: readonly AudienceReport[]): Promise<void>;
  /** All shares of each task, in the order asked for; those of instances that are long gone included. */
  readAudience(taskIds: readonly string[]): Promise<readonly (readonly AudienceShare[])[]>;
  /** Kept for the last 1,000 names per task. */
  readDeparture(taskId: string, subscriberId: string): Promise<Departure>;

  /** Adds one to the count of the instance and answers all instances, itself included, as of that moment. */
  beat(beat: Beat): Promise<readonly InstanceState[]>;
  /** Strikes an instance off, if its count is still `count` (undefined: whatever it is). */
  removeInstance(instance: string, count: number | undefined): Promise<void>;

  /** The tasks that the index of an instance names, in a stable order, after the one given. */
  held(instance: string, after: string | undefined, limit: number): Promise<readonly string[]>;
  /**
   * Moves up to `limit` tasks from the index of one instance to that of another, and answers them. It changes no task:
   * until they are claimed, the tasks name their old holder, and the new index only says who looks after them.
   */
  divide(from: string, to: string, limit: number): Promise<readonly string[]>;
  /**
   * Makes all index entries of these tasks agree with the tasks, keys and lists included; those that `instance` does not
   * hold, or that are gone, leave its index. In a store whose keys can expire, running tasks are kept for another
   * `runningTtlMs`. Each instance calls it for what it holds every quarter of that, and for what it finds astray.
   */
  reindex(instance: string, taskIds: readonly string[]): Promise<void>;
  /** Oldest first. An answer may name a task that is no orphan any more; a claim finds out. */
  orphans(query: OrphanQuery, limit: number): Promise<readonly string[]>;
  /** Tells whether a task is among those that `orphans` names for its handler, without a look at the others. */
  isDue(taskId: string, handler: string): Promise<boolean>;
  /** A page of tasks; shorter than `limit` only where it is the last. */
  list(query: ListQuery): Promise<readonly StoredTask[]>;
  /**
   * Forgets up to `limit` ended tasks whose retention is over; their tombstones stand for another `ttlMs`. Notifies those
   * who follow them. `left` is zero only where no ended task and no tombstone is left.
   */
  expire(limit: number): Promise<{ readonly gone: readonly string[]; readonly left: number }>;
  /** All tasks, in no particular order, a page at a time, found without any index. No `next`: that was the last. */
  walk(
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly tasks: readonly StoredTask[]; readonly next: string | undefined }>;

  /** Tells an instance (undefined: all of them, this one included) something. Lost only where something fails. */
  notify(to: string | undefined, note: Note): Promise<void>;
  /** Called at most once, when there is something to listen for. */
  listen(listener: NotificationListener): Notifications;
  /** Releases what the driver itself has opened. No method is called afterwards. */
  close(): Promise<void>;
}
