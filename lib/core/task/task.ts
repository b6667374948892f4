/** The public types of a job and of a task, and the translation of records into them. */
import type { ReadableStream } from 'node:stream/web';
import type { PublicError } from '../errors.js';
import type { TaskRecord } from '../ports.js';
import type { TaskStatus } from './status.js';

/**
 * Appends `data`, which is anything that JSON can express, to the log. Resolves when it is committed. Awaiting is
 * optional.
 */
export type UpdateProgress<P = unknown> = (data: P) => Promise<void>;

/**
 * A job. It runs once, detached from the request that started it, and returns the task's result, or streams: each value
 * of an async iterable or a `ReadableStream` is progress (bytes become text), pulled no faster than the log commits.
 * The return value of an async generator is the result. When the task is stopped, the generator's `return()` or the
 * stream's `cancel()` is called, and a stream of Node is destroyed.
 *
 * @example tasks.handler(async function* ({ signal }) { for await (const token of ask(model, { signal })) yield token; })
 */
export type AsyncTask<P = unknown, R = unknown, I = unknown> = (
  context: TaskContext<P, I>,
  taskId: string,
  updateProgress: UpdateProgress<P>,
) => R | Streamed<P, R> | Promise<R | Streamed<P, R>>;

/** Output that is consumed, value by value. */
type Streamed<P, R> = AsyncGenerator<P, R, undefined> | AsyncIterable<P> | ReadableStream<P>;

/** The result of a job that returns `R`, or resolves to it: a stream is consumed, and its values are progress. */
export type TaskResult<R> =
  R extends AsyncGenerator<unknown, infer Returned>
    ? Returned
    : R extends AsyncIterable<unknown> | ReadableStream
      ? undefined
      : R;

/** The progress of a job that yields `P`: bytes become text. */
export type TaskProgress<P> = P extends Uint8Array ? string : P;

/** Everything that a job is told about its task, and the functions by which it writes events. */
export interface TaskContext<P = unknown, I = unknown> {
  /** The public id of the task, a v7 uuid. It may be shown, and answers status. */
  readonly taskId: string;
  /** The secret of the task, 22 base64url characters. Whoever has it may attach. */
  readonly resumeKey: string;
  /**
   * Aborts on cancel, time-out, abandonment and shutdown, but never because a client left. Its `reason` is a TaskError.
   */
  readonly signal: AbortSignal;
  /** The input: `{ params, query, body }` of the request, unless the option `input` says otherwise. */
  readonly input: I;
  /** The number of the current attempt: 1, or more after a restart on another instance. */
  readonly attempt: number;
  /** The last progress of the previous attempt; undefined in the first one. */
  readonly lastProgress: P | undefined;
  /** The number of subscribers that are attached now, on all instances. */
  readonly subscriberCount: number;
  /**
   * Appends a progress event, which clients see as a plain message.
   * Rejects with TaskError `TASK_NOT_RUNNING`, `UNSERIALIZABLE`, `EVENT_TOO_LARGE`, `FENCED`, `STORE_UNAVAILABLE`.
   */
  readonly updateProgress: UpdateProgress<P>;
  /**
   * Appends a named event, which clients see under that name. Rejects as `updateProgress` does, and with
   * `INVALID_EVENT_NAME` and `RESERVED_EVENT_NAME`.
   */
  readonly emit: (event: string, data: unknown) => Promise<void>;
}

/** The state of a task. Over HTTP its members are in snake_case, without `resumeKey` and `owner`. */
export interface TaskInfo {
  /** The public id of the task. */
  taskId: string;
  /** The secret of the task, by which clients attach. */
  resumeKey: string;
  /** The state; final once it is no longer `running`. */
  status: TaskStatus;
  /** The owner that the manager's option `owner` named. Absent where there is none. */
  owner?: string;
  /** The slot that it was started in. Absent where there is none. */
  slot?: string;
  /** The time of its start. */
  createdAt: Date;
  /** The time when its log last grew. */
  updatedAt: Date;
  /** The time of its terminal event. Absent while it runs. */
  endedAt?: Date;
  /** The time from which on it may be forgotten. Absent while it runs. */
  expiresAt?: Date;
  /** The number of the current attempt: 1, or more after a restart on another instance. */
  attempt: number;
  /** The seq of its last event; 0 where there is none. */
  lastSeq: number;
  /** The seq of the oldest event that is kept; `lastSeq + 1` where none is. */
  firstKeptSeq: number;
  /** The number of events that are kept. */
  bufferedEvents: number;
  /** The size of the kept events as they go over the wire, in bytes. */
  bufferedBytes: number;
  /** The number of subscribers that are attached now, on all instances. */
  subscribers: number;
  /** The last progress, which is kept whatever is trimmed. */
  progress?: unknown;
  /** The result. Absent where it is undefined, and before the task has completed. */
  result?: unknown;
  /** The reason why a failed or cancelled task has no result. */
  error?: { code: string; message: string };
}

/** The data of a terminal event, as JSON on the wire and in stores. */
interface OutcomeData {
  readonly task_id: string;
  readonly status: TaskStatus;
  readonly result?: unknown;
  readonly error?: PublicError;
  readonly code?: string;
  readonly reason?: string;
}

/** Returns everything that callers may know of a task: its last progress, its result and its error included. */
export function toTaskInfo(record: TaskRecord): TaskInfo {
  const info = toTaskSummary(record);
  if (record.progress !== undefined) info.progress = JSON.parse(record.progress);
  if (record.outcome === undefined) return info;
  const { result, error, code, reason } = JSON.parse(record.outcome) as OutcomeData;
  if (result !== undefined) info.result = result;
  if (error !== undefined) info.error = error;
  if (code !== undefined && reason !== undefined) info.error = { code, message: reason };
  return info;
}

/**
 * Returns the same without progress, result and error. They may be large, and a shared store keeps them apart, so a
 * list of many tasks does not read them.
 */
export function toTaskSummary(record: TaskRecord): TaskInfo {
  const { taskId, resumeKey, status, owner, attempt, lastSeq, firstKeptSeq, bufferedEvents, bufferedBytes } = record;
  const { endedAtMs, expiresAtMs } = record;
  const info: TaskInfo = {
    taskId,
    resumeKey,
    status,
    attempt,
    lastSeq,
    firstKeptSeq,
    bufferedEvents,
    bufferedBytes,
    createdAt: new Date(record.createdAtMs),
    updatedAt: new Date(record.updatedAtMs),
    subscribers: record.subscribers,
  };
  if (owner !== undefined) info.owner = owner;
  if (record.slot !== undefined) info.slot = record.slot;
  if (endedAtMs !== undefined) info.endedAt = new Date(endedAtMs);
  if (expiresAtMs !== undefined) info.expiresAt = new Date(expiresAtMs);
  return info;
}
