import type { ReadableStream } from 'node:stream/web';
import type { PublicError } from './errors.js';
import type { TaskRecord } from './ports.js';
import type { TaskStatus } from './status.js';

/** Appends `data` (anything JSON can say) to the log; resolves when it is committed. Need not be awaited. */
export type UpdateProgress<P = unknown> = (data: P) => Promise<void>;

/**
 * The job: runs once, detached from the request that started it. It returns the task's result, or streams: each value of an
 * async iterable or a `ReadableStream` is progress (of bytes: their text), pulled no faster than the log commits. What an
 * async generator returns is the result. When the task is stopped, the generator's `return()` or the stream's `cancel()` is
 * called.
 * @example tasks.handler(async function* ({ signal }) { for await (const token of ask(model, { signal })) yield token; })
 */
export type AsyncTask<P = unknown, R = unknown, I = unknown> = (
  context: TaskContext<P, I>,
  taskId: string,
  updateProgress: UpdateProgress<P>,
) => R | Promise<R> | AsyncGenerator<P, R, undefined> | AsyncIterable<P> | ReadableStream<P>;

export interface TaskContext<P = unknown, I = unknown> {
  /** Public: may be shown, answers status. A v7 uuid. */
  readonly taskId: string;
  /** Secret: whoever has it may attach. 22 base64url characters. */
  readonly resumeKey: string;
  /** Aborts on cancel, time-out, abandonment, shutdown; never because a client left. `reason` is a TaskError. */
  readonly signal: AbortSignal;
  readonly input: I;
  /** 1, or more after a restart on another instance. */
  readonly attempt: number;
  /** Where the attempt before got to. */
  readonly lastProgress: P | undefined;
  /** Attached now, on all instances. */
  readonly subscriberCount: number;
  /**
   * Appends a progress event, which clients see as a plain message.
   * Rejects with TaskError `TASK_NOT_RUNNING`, `UNSERIALIZABLE`, `EVENT_TOO_LARGE`, `FENCED`, `STORE_UNAVAILABLE`.
   */
  readonly updateProgress: UpdateProgress<P>;
  /** The same for a named event; also rejects with `INVALID_EVENT_NAME` and `RESERVED_EVENT_NAME`. */
  readonly emit: (event: string, data: unknown) => Promise<void>;
}

/**
 * What went missing: events that were `trimmed` before they could be sent, events that the store has `lost`, or nothing:
 * the client's position was `ahead` of the log.
 */
export type GapReason = 'trimmed' | 'ahead' | 'lost';

/** What a task is doing. */
export interface TaskInfo {
  taskId: string;
  resumeKey: string;
  status: TaskStatus;
  owner?: string;
  /** What it is a task of, as its start has said. */
  slot?: string;
  createdAt: Date;
  /** When its log last grew. */
  updatedAt: Date;
  endedAt?: Date;
  /** From then on it may be forgotten. */
  expiresAt?: Date;
  attempt: number;
  lastSeq: number;
  firstKeptSeq: number;
  bufferedEvents: number;
  /** Wire bytes of the events that are kept. */
  bufferedBytes: number;
  subscribers: number;
  /** The last progress, kept whatever was trimmed. */
  progress?: unknown;
  result?: unknown;
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

/** Returns all that is told of a task, its last progress, its result and its error included. */
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
 * The same without progress, result and error. They may be large, and a shared store keeps them apart, so a list of many
 * tasks does not read them.
 */
export function toTaskSummary(record: TaskRecord): TaskInfo {
  const { taskId, resumeKey, status, owner, attempt, lastSeq, firstKeptSeq, bufferedEvents, bufferedBytes } = record;
  const { endedAtMs, expiresAtMs } = record;
  const info: TaskInfo = {
    ...{ taskId, resumeKey, status, attempt, lastSeq, firstKeptSeq, bufferedEvents, bufferedBytes },
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
