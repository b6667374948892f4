/** The descriptions of a task that pass between the engine and a store. */
import type { TaskStatus } from './status.js';

/** A task as the store is asked to create it. */
export interface TaskDraft {
  /** Its public id, a v7 uuid, so that ids sort by time. */
  readonly taskId: string;
  /** Its secret, 22 base64url characters. */
  readonly resumeKey: string;
  /** The owner that the application named; undefined for nobody's. */
  readonly owner: string | undefined;
  /** Unique per owner while the task is kept; a second draft with it creates nothing. */
  readonly idempotencyKey: string | undefined;
  /** Identifies the payload that the idempotency key came with. */
  readonly fingerprint: string | undefined;
  /** The name of the wire that frames its events; undefined stands for the default one. */
  readonly wire?: string | undefined;
  /** The slot that it runs in, such as a chat or a document. At most one task of an owner runs in a slot. */
  readonly slot?: string | undefined;
  /** Identifies the handler that can run the task again; undefined where none can. */
  readonly handler?: string | undefined;
  /** The job's input as JSON, for the instance that runs the task again; undefined where the input is undefined. */
  readonly input?: string | undefined;
}

/** A task as its store knows it, without its events. Times are ms since 1970. */
export interface TaskRecord {
  /** Same as `TaskDraft.taskId`. */
  readonly taskId: string;
  /** Same as `TaskDraft.resumeKey`. */
  readonly resumeKey: string;
  /** Same as `TaskDraft.owner`. */
  readonly owner: string | undefined;
  /** Same as `TaskDraft.fingerprint`. */
  readonly fingerprint: string | undefined;
  /** Same as `TaskDraft.wire`. */
  readonly wire?: string | undefined;
  /** Same as `TaskDraft.slot`. */
  readonly slot?: string | undefined;
  /** Same as `TaskDraft.handler`. */
  readonly handler?: string | undefined;
  /** The state of the task. `running` until its terminal event is in the log. */
  readonly status: TaskStatus;
  /**
   * True where it has not ended but its instance is gone or has given it up, so that `claim` may hand it to another.
   */
  readonly orphaned: boolean;
  /** The number of the current attempt: 1, or more after a restart on another instance. */
  readonly attempt: number;
  /**
   * The fencing token of its holder: 1 for the first one, and higher for each instance that takes the task over. It is
   * part of event ids.
   */
  readonly epoch: number;
  /** The wall clock when it was created. */
  readonly createdAtMs: number;
  /** The wall clock when its log last grew. */
  readonly updatedAtMs: number;
  /** The wall clock when its terminal event was appended; undefined while it runs. */
  readonly endedAtMs: number | undefined;
  /** The wall clock from which on it may be forgotten; undefined while it runs. */
  readonly expiresAtMs: number | undefined;
  /** The seq of the last event; 0 where there is none. */
  readonly lastSeq: number;
  /** The seq of the oldest event that is kept; `lastSeq + 1` where none is. */
  readonly firstKeptSeq: number;
  /** The number of events that are kept. */
  readonly bufferedEvents: number;
  /** The size of the kept events as they go over the wire, in bytes. */
  readonly bufferedBytes: number;
  /** The number of subscribers that are attached now, on all instances. */
  readonly subscribers: number;
  /**
   * JSON of the last progress, which is kept whatever is trimmed. Undefined also where `find` was not asked for texts.
   */
  readonly progress: string | undefined;
  /**
   * JSON of the terminal event's data, which is kept whatever is trimmed. Undefined also where `find` was not asked for
   * texts.
   */
  readonly outcome: string | undefined;
}

/** Remains of a task after its retention, so that "expired" and "never existed" are different answers. */
export interface Tombstone {
  /** Always `expired`, which tells a tombstone from a record. */
  readonly status: 'expired';
  /** The owner of the task, who alone is told that it has expired. */
  readonly owner: string | undefined;
}

/** Names one task by its id, its resume key, its idempotency key or its slot. */
export type TaskRef =
  | { readonly taskId: string }
  | { readonly resumeKey: string }
  | { readonly idempotencyKey: string; readonly owner: string | undefined }
  /** Names the task that runs in the slot. */
  | { readonly slot: string; readonly owner: string | undefined };

/** Selects tasks for `list`. */
export interface TaskFilter {
  /** Selects tasks in this state. Default: all. */
  readonly status?: TaskStatus | undefined;
  /** Selects tasks of this owner. Default: all. */
  readonly owner?: string | undefined;
  /** The number of tasks to return at most, newest first. */
  readonly limit: number;
  /** Selects tasks that were started before this one, which itself may be gone by now. */
  readonly before?: string | undefined;
}

/** The past that a folded state goes on from, for an instance that takes the task over. */
export interface SnapshotPast {
  /** The state as JSON; undefined where it has only begun. */
  readonly state: string | undefined;
  /** JSON of all progress since that state, oldest first. */
  readonly progress: readonly string[];
}
