/** Turns what a driver stores into the records that the engine knows. */
import type { TaskRecord } from '../core/ports.js';
import type { StoredTask } from './port/stored.js';

/** A task's record as a writer or a copy keeps it up to date. */
export type LiveRecord = { -readonly [K in keyof TaskRecord]: TaskRecord[K] };

/** A task as the store has it now, and as the engine sees it. */
export interface FoundTask {
  readonly task: StoredTask;
  readonly record: LiveRecord;
}

/** Returns a stored task as the engine sees it. @param subscribers and `orphaned`, which only the rules can tell */
export function toRecord(task: StoredTask, orphaned: boolean, subscribers: number): LiveRecord {
  const { top, dropped } = task;
  return {
    taskId: task.taskId,
    resumeKey: task.resumeKey,
    owner: task.owner,
    fingerprint: task.fingerprint,
    wire: task.wire,
    slot: task.slot,
    handler: task.handler,
    status: task.status,
    orphaned: task.status === 'running' && orphaned,
    attempt: task.attempt,
    epoch: task.token,
    createdAtMs: task.createdAtMs,
    updatedAtMs: task.updatedAtMs,
    endedAtMs: task.endedAtMs,
    expiresAtMs: task.expiresAtMs,
    lastSeq: top.seq,
    firstKeptSeq: dropped.seq + 1,
    bufferedEvents: top.seq - dropped.seq,
    bufferedBytes: top.bytes - dropped.bytes,
    subscribers,
    progress: task.progress,
    outcome: task.outcome,
  };
}
