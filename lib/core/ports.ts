/** The port between the engine and the store that keeps its tasks. */
import type { Clock } from './clock.js';
import type { PublicError, TaskError } from './errors.js';
import type { EventLog, LogLimits, Slice } from './log/event-log.js';
import type { MemoryBudget } from './log/memory.js';
import type { FinalStatus } from './task/status.js';
import type { SnapshotPast, TaskDraft, TaskFilter, TaskRecord, TaskRef, Tombstone } from './task/task-record.js';

export type * from './task/task-record.js';

/** A value, or a promise of it. A store that answers at once need not return promises. */
export type Awaitable<T> = T | Promise<T>;

/** The settings that a manager opens its store with. Durations are in ms, sizes in bytes. */
export interface StoreSettings {
  /** The source of time. */
  readonly clock: Clock;
  /** The time for which a finished task stays readable. */
  readonly ttlMs: number;
  /** Limits how much of its log each task keeps. */
  readonly log: LogLimits;
  /** The memory of all logs of this process together. */
  readonly maxBufferedBytes: number;
  /** The number of tasks that may run per owner, on all instances. */
  readonly maxTasksPerOwner: number;
  /** The time that a request waits for the store. */
  readonly timeoutMs: number;
  /** The time for which a job goes on while a shared store takes none of its events. */
  readonly appendPatienceMs: number;
  /**
   * Decides what a shared store does with a task whose instance died: end it with `TASK_LOST`, or have it run again.
   */
  readonly onLost: 'fail' | 'restart';
  /** The number of runs that may end because their instance was gone, with `onLost: 'restart'`: the last ends the task. */
  readonly maxAttempts: number;
  /** The time that a lost task waits for an instance that can run it. After that it ends with `TASK_LOST`. */
  readonly orphanDeadlineMs: number;
  /** Runs tasks again that other instances have lost or given up. */
  readonly orphanRunner: OrphanRunner;
  /**
   * Frames one event as the wire of its task does. Pure. At a terminal event `task.progress` is the last progress
   * before it.
   */
  readonly encode: (task: EncodedTask, seq: number, event: string | undefined, json: string) => string;
}

/** The part of a task that the framing of its events may depend on. */
export type EncodedTask = Pick<TaskRecord, 'taskId' | 'resumeKey' | 'attempt' | 'epoch' | 'wire' | 'slot' | 'progress'>;

/** The part of a manager that runs tasks which no instance holds. */
export interface OrphanRunner {
  /** The `handler` members of the tasks that it can run by itself. */
  readonly handlers: readonly string[];
  /** The number of tasks that it can still run now. */
  readonly room: number;
  /** Claims the task and runs it, unless another instance is faster. */
  run(record: TaskRecord): Promise<void>;
}

/** The run of a task, as its store sees it. */
export interface Executor {
  /** Asks the run to cancel its task. */
  cancelRequested(reason: PublicError): void;
  /** Tells how many subscribers are attached now, on all instances. */
  audienceChanged(subscribers: number): void;
  /** Tells that another instance has taken the task over. Nothing that this one writes is accepted any more. */
  fenced(reason: TaskError): void;
  /** Returns the state folded from all progress so far as JSON, or undefined where there is none. */
  snapshotJson(): string | undefined;
  /** Returns about how many bytes `snapshotJson` would take. Default: 0. */
  snapshotBytes?(): number;
}

/** The only right to write to a task's log. Its fencing token makes it void when another instance claims the task. */
export interface TaskWriter {
  /** The task, as it is now. */
  readonly record: TaskRecord;
  /**
   * Names the run of the task: once, before any append. It is told in a later turn what has happened to the task
   * meanwhile.
   */
  begin(executor: Executor): void;
  /**
   * Appends one event with the next seq; the first of a task is 1, and there are no holes. Events are committed in the
   * order of the calls, and nobody receives one before it is committed. Returns nothing where it is committed at once.
   * @throws TaskError `FENCED`, `TASK_NOT_RUNNING`; then nothing was appended. `STORE_UNAVAILABLE`: the store has refused
   * the event, or has not said within `appendPatienceMs` what became of it; then it may still come to be in the log, once.
   */
  append(event: string | undefined, json: string): Awaitable<void>;
  /**
   * Appends the terminal event and ends the log. It is called once, after all appends.
   * @throws as `append`; after `STORE_UNAVAILABLE` a shared store goes on trying until the task has its end.
   */
  finish(status: FinalStatus, json: string): Awaitable<void>;
  /** Reads from the store how many subscribers are attached now, on all instances. */
  countSubscribers(): Awaitable<number>;
  /** Gives the task up, so that another instance may claim it. */
  release(): Awaitable<void>;
}

/**
 * The log of a task as this instance follows it. There is one per task and instance, whatever the number of
 * subscribers.
 */
export interface TaskFeed {
  /** The task, as it is now. */
  readonly record: TaskRecord;
  /** Its events, from which subscribers read. */
  readonly log: EventLog;
  /** Returns the state at `seq`, from which the rest of the log goes on. */
  snapshot(): { readonly seq: number; readonly json: string } | undefined;
  /**
   * Reads events after `position` that the log here has dropped, for one subscriber: consecutive ones, beginning with
   * the first that the store still has. Resolves with undefined where the store has none before the log's own. Absent
   * where the log is all there is.
   */
  readOlder?(position: number): Promise<Slice | undefined>;
  /** Attaches a subscriber. Without an id it only counts. */
  join(subscriberId: string | undefined): void;
  /** Detaches a subscriber, which has left off at `position`. */
  leave(subscriberId: string | undefined, position: number): void;
}

/**
 * The outcome of `create`. Either the draft is a task now, or `taken` says whether its idempotency key or its slot
 * belongs to another task.
 */
export type Creation =
  | { readonly created: true; readonly writer: TaskWriter }
  | { readonly created: false; readonly taken: 'idempotencyKey' | 'slot'; readonly record: TaskRecord };

/** A task that this instance has taken over. */
export interface Takeover {
  /** The right to write to its log. */
  readonly writer: TaskWriter;
  /** Same as `TaskDraft.input`. */
  readonly input: string | undefined;
  /** The past of its folded state. Undefined where it is lost, and then there is no state any more. */
  readonly past: SnapshotPast | undefined;
}

/** A task that nobody runs, and that may be run again only after `laterMs`. */
export interface Postponed {
  readonly laterMs: number;
}

/**
 * Opens the place where a manager's tasks live. One manager opens it, with its own settings. `createRedisStore` and
 * `createSqliteStore` make one.
 */
export type TaskStore = (settings: StoreSettings) => OpenTaskStore;

/** The last event that a subscriber has: its seq, and which holder of the task wrote it, where that is known. */
export interface KnownPlace {
  readonly position: number;
  readonly epoch?: number | undefined;
}

/** An open store. Any method may throw TaskError `STORE_UNAVAILABLE`, or reject with it. */
export interface OpenTaskStore {
  /** True where other instances may serve the same tasks. */
  readonly shared: boolean;
  /**
   * Accounts for the memory of its logs in this process. Answers that clients are slow to take count there too. Default:
   * they count by themselves.
   */
  readonly memory?: MemoryBudget | undefined;
  /**
   * Creates the task, or finds the one that has its idempotency key, else the one that runs in its slot. Atomic under
   * concurrent calls on all instances. A slot is free again once the terminal event of its task is in the log.
   * @param settling jobs of its owner that still run here although their tasks have ended: they count for `maxTasksPerOwner`
   * @throws TaskError `TOO_MANY_TASKS`.
   */
  create(draft: TaskDraft, settling?: number): Awaitable<Creation>;
  /**
   * Finds a task, or its tombstone.
   * @param texts the last progress and the outcome are wanted too, which may be large
   */
  find(ref: TaskRef, texts?: boolean): Awaitable<TaskRecord | Tombstone | undefined>;
  /** Lists tasks, newest first, without their last progress and outcome. */
  list(filter: TaskFilter): Awaitable<readonly TaskRecord[]>;
  /**
   * Follows a task. Returns undefined where it is no longer kept.
   * @param known what the subscriber has already: the log that is answered has that too, unless it is lost
   */
  open(taskId: string, known?: KnownPlace): Awaitable<TaskFeed | undefined>;
  /** Returns the position at which the subscriber left off, if it was attached before and is not attached now. */
  departedAt(taskId: string, subscriberId: string): Awaitable<number | undefined>;
  /** Asks the instance that runs the task to cancel it. Returns false where it is not running. */
  requestCancel(taskId: string, reason: PublicError): Awaitable<boolean>;
  /**
   * Takes over a running task that nobody holds any more. Returns undefined while somebody does.
   * @param folds its job folds its progress into a state, and needs its past
   */
  claim(taskId: string, folds: boolean): Awaitable<Takeover | Postponed | undefined>;
  /** Forgets what is past its retention, at the cost of what it forgets. Returns true while anything is kept. */
  sweep(): Awaitable<boolean>;
  /** Returns what this process's memory holds. */
  sizes(): StoreSizes;
  /**
   * Closes the store for good: no timer, listener or connection of its own stays. Called once, when nothing runs here.
   */
  stop?(): Awaitable<void>;
}

/** The memory that a store takes in this process. */
export interface StoreSizes {
  /** The number of ended tasks that are still readable. */
  readonly finished: number;
  /** The number of forgotten tasks that still answer 410. */
  readonly tombstones: number;
  /** The memory of all logs, in bytes. */
  readonly bufferedBytes: number;
}
