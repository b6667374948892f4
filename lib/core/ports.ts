import type { Clock } from './clock.js';
import type { PublicError, TaskError } from './errors.js';
import type { EventLog, LogLimits, Slice } from './event-log.js';
import type { FinalStatus, TaskStatus } from './status.js';

export type Awaitable<T> = T | Promise<T>;

/** What a manager opens its store with. */
export interface StoreSettings {
  readonly clock: Clock;
  /** How long a finished task stays readable, in ms. */
  readonly ttlMs: number;
  /** The retention of each task's log. */
  readonly log: LogLimits;
  /** Memory of all logs of this process together. */
  readonly maxBufferedBytes: number;
  /** Running tasks per owner, on all instances. */
  readonly maxTasksPerOwner: number;
  /** How long a request waits for the store, in ms. */
  readonly timeoutMs: number;
  /** How long a job goes on while the store takes none of its events, in ms; shared stores only. */
  readonly appendPatienceMs: number;
  /** What a shared store does with a task whose instance died: ends it with `TASK_LOST`, or has it run again. */
  readonly onLost: 'fail' | 'restart';
  /** How often a task is run at most, where it is run again. */
  readonly maxAttempts: number;
  /** How long a task that nobody can run again is kept waiting, in ms; then it ends with `TASK_LOST`. */
  readonly orphanDeadlineMs: number;
  /** Runs tasks again that other instances have lost or given up. */
  readonly orphanRunner: OrphanRunner;
  /** Frames one event as the wire of its task does. Pure. At a terminal event `task.progress` is the last before it. */
  readonly encode: (task: EncodedTask, seq: number, event: string | undefined, json: string) => string;
}

/** What the framing of an event may depend on, beside the event. */
export type EncodedTask = Pick<TaskRecord, 'taskId' | 'resumeKey' | 'attempt' | 'epoch' | 'wire' | 'slot' | 'progress'>;

/** The part of a manager that runs tasks which no instance holds. */
export interface OrphanRunner {
  /** The `handler`s of the tasks that it can run by itself. */
  readonly handlers: readonly string[];
  /** How many tasks more it can run now. */
  readonly room: number;
  /** Claims the task and runs it, unless another instance is faster. */
  run(record: TaskRecord): Promise<void>;
}

/** What a task is created with. */
export interface TaskDraft {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  /** Unique per owner while the task is kept; a second draft with it creates nothing. */
  readonly idempotencyKey: string | undefined;
  /** Identifies the payload that the idempotency key came with. */
  readonly fingerprint: string | undefined;
  /** The name of the wire that its events are framed by; undefined: the default one. */
  readonly wire?: string | undefined;
  /** What it is a task of: a chat, a document. At most one task of an owner runs in it. */
  readonly slot?: string | undefined;
  /** Identifies what can run the task again; undefined: nothing can. */
  readonly handler?: string | undefined;
  /** The job's input as JSON, for whoever runs the task again; undefined where it is `undefined` itself. */
  readonly input?: string | undefined;
}

/** What a store knows of a task beside its events. Times are ms since 1970. */
export interface TaskRecord {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  readonly fingerprint: string | undefined;
  /** As in its draft. */
  readonly wire?: string | undefined;
  /** As in its draft. */
  readonly slot?: string | undefined;
  /** As in its draft. */
  readonly handler?: string | undefined;
  readonly status: TaskStatus;
  /** It has not ended, but its instance is gone or has given it up: `claim` may hand it to another. */
  readonly orphaned: boolean;
  /** 1, or more after a restart on another instance. */
  readonly attempt: number;
  /** Grows whenever another instance takes the task over: 1 for the events of its first holder. Part of event ids. */
  readonly epoch: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  readonly lastSeq: number;
  readonly firstKeptSeq: number;
  readonly bufferedEvents: number;
  readonly bufferedBytes: number;
  /** Attached now, on all instances. */
  readonly subscribers: number;
  /** JSON of the last progress, kept whatever was trimmed. Undefined too where `find` was not asked for texts. */
  readonly progress: string | undefined;
  /** JSON of the terminal event's data, kept whatever was trimmed. The same. */
  readonly outcome: string | undefined;
}

/** What is left of a task after its retention, so that "expired" and "never existed" are different answers. */
export interface Tombstone {
  readonly status: 'expired';
  readonly owner: string | undefined;
}

export type TaskRef =
  | { readonly taskId: string }
  | { readonly resumeKey: string }
  | { readonly idempotencyKey: string; readonly owner: string | undefined }
  /** The task that runs in the slot. */
  | { readonly slot: string; readonly owner: string | undefined };

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly owner?: string | undefined;
  /** At most so many, newest first. */
  readonly limit: number;
  /** Only tasks that were started before this one, which may be gone by now. */
  readonly before?: string | undefined;
}

/** What a folded state goes on from: itself as JSON, undefined where it has only begun, then all progress since. */
export interface SnapshotPast {
  readonly state: string | undefined;
  readonly progress: readonly string[];
}

/** The instance that runs a task, as its store sees it. */
export interface Executor {
  cancelRequested(reason: PublicError): void;
  /** How many subscribers are attached now, on all instances. */
  audienceChanged(subscribers: number): void;
  /** Another instance has taken the task over; nothing this one writes is accepted any more. */
  fenced(reason: TaskError): void;
  /** The state folded from all progress so far as JSON, or undefined where there is none. */
  snapshotJson(): string | undefined;
  snapshotBytes?(): number;
}

/** The one right to write to a task's log; its fencing token makes it void when another instance claims the task. */
export interface TaskWriter {
  readonly record: TaskRecord;
  /** Says who runs the task: once, before anything else. What happened to the task meanwhile is told in a later turn. */
  begin(executor: Executor): void;
  /**
   * Appends one event with the next seq; the first of a task is 1, without a hole. Events are committed in the order
   * of the calls, and are delivered to nobody before they are. Returns nothing where that is so at once.
   * @throws TaskError `FENCED`, `TASK_NOT_RUNNING`; then nothing was appended. `STORE_UNAVAILABLE`: the store has refused
   * the event, or has not said within `appendPatienceMs` what became of it; then it may still come to be in the log, once.
   */
  append(event: string | undefined, json: string): Awaitable<void>;
  /**
   * Appends the terminal event and ends the log: once, after all appends before it.
   * @param keepsPlace the job still runs: its place under `maxTasksPerOwner` is free only after `leavePlace`
   * @throws as `append`; after `STORE_UNAVAILABLE` a shared store goes on trying until the task has its end.
   */
  finish(status: FinalStatus, json: string, keepsPlace?: boolean): Awaitable<void>;
  leavePlace?(): Awaitable<void>;
  /** Subscribers that are attached now, on all instances, read from the store. */
  countSubscribers(): Awaitable<number>;
  /** Gives the task up, so that another instance may claim it. */
  release(): Awaitable<void>;
}

/** A task's log as this instance follows it: one per task and instance, whatever the number of subscribers. */
export interface TaskFeed {
  readonly record: TaskRecord;
  readonly log: EventLog;
  /** State at `seq`, from which the rest of the log goes on. */
  snapshot(): { readonly seq: number; readonly json: string } | undefined;
  /**
   * Reads events after `position` which the log here has dropped, for one subscriber: consecutive ones, the first of
   * those that the store has. Undefined where it has none before the log's own. Absent where the log is all there is.
   */
  readOlder?(position: number): Promise<Slice | undefined>;
  join(subscriberId: string | undefined): void;
  /** Undoes `join`; `position` is where the subscriber left off. */
  leave(subscriberId: string | undefined, position: number): void;
}

/** Either the draft is a task now, or its idempotency key or its slot belongs to another task: `taken` says which. */
export type Creation =
  | { readonly created: true; readonly writer: TaskWriter }
  | { readonly created: false; readonly taken: 'idempotencyKey' | 'slot'; readonly record: TaskRecord };

/** A task that was taken over. */
export interface Takeover {
  readonly writer: TaskWriter;
  /** As in its draft. */
  readonly input: string | undefined;
  /** What a folded state goes on from; undefined: that is lost, and there is no state any more. */
  readonly past: SnapshotPast | undefined;
}

/** A task that nobody runs, and that may be run again only in so many ms. */
export interface Postponed {
  readonly laterMs: number;
}

/** Where a manager's tasks live: opened by one manager, with its settings. `createRedisStore` makes one. */
export type TaskStore = (settings: StoreSettings) => OpenTaskStore;

/** An open store. Any method may throw or reject with TaskError `STORE_UNAVAILABLE`. */
export interface OpenTaskStore {
  /** Other instances serve the same tasks. */
  readonly shared: boolean;
  /**
   * Creates the task, or finds the one that has its idempotency key, else the one that runs in its slot. Atomic under
   * concurrent calls on all instances. A slot is free again when the terminal event of its task is in the log, not before.
   * @throws TaskError `TOO_MANY_TASKS`.
   */
  create(draft: TaskDraft): Awaitable<Creation>;
  /** @param texts the last progress and the outcome are wanted too: they may be large */
  find(ref: TaskRef, texts?: boolean): Awaitable<TaskRecord | Tombstone | undefined>;
  /** Without texts. */
  list(filter: TaskFilter): Awaitable<readonly TaskRecord[]>;
  /** Follows a task; undefined where there is none any more. */
  open(taskId: string): Awaitable<TaskFeed | undefined>;
  /** Where the subscriber left off, if it was attached before and is not attached now. */
  departedAt(taskId: string, subscriberId: string): Awaitable<number | undefined>;
  /** Asks whoever runs the task to cancel it; false where it is not running. */
  requestCancel(taskId: string, reason: PublicError): Awaitable<boolean>;
  /**
   * Takes over a running task that nobody holds any more; undefined while somebody does.
   * @param folds its job folds its progress into a state, and needs its past
   */
  claim(taskId: string, folds: boolean): Awaitable<Takeover | Postponed | undefined>;
  /** Forgets what is past its retention, at the cost of what it forgets; true while anything is kept. */
  sweep(): Awaitable<boolean>;
  /** What this process's memory holds. */
  sizes(): StoreSizes;
  /** Leaves for good: no timer, listener or connection of the store's own stays. Called once, when nothing runs here. */
  stop?(): Awaitable<void>;
}

export interface StoreSizes {
  readonly finished: number;
  readonly tombstones: number;
  /** Memory of all logs, in bytes. */
  readonly bufferedBytes: number;
}
