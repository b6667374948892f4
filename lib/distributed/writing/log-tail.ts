/** Knows the end of one log, and whether the batch under way is in it. */
import type { Batch } from '../port/calls.js';
import type { Context } from '../context.js';
import type { PendingBatch } from './pending-batch.js';
import type { LiveRecord } from '../records.js';
import { SnapshotSchedule } from './snapshot-schedule.js';
import type { Place, StoredSnapshot } from '../port/stored.js';
import type { Turn } from '../turn.js';

/** The two ends of what is kept of a log when its task is taken over. */
export interface LogBounds {
  readonly end: Place;
  readonly dropped: Place;
}

/** The end of a log as its writer knows it: lays out what comes next, and keeps the books once it is in. */
export class LogTail {
  /** The last place that is known to be in the log. */
  end: Place;
  /** The state that was stored last. */
  snapshot: StoredSnapshot | undefined;
  /** The end of the batch under way. */
  #sealed: Place;
  #dropped: Place;
  /** The log ends with a progress, which is noted beside it only when another event follows. */
  #endsWithProgress = false;
  /** The last time at which anything but entries was written. */
  #touchedMs: number;
  readonly #snapshots: SnapshotSchedule;

  constructor(
    readonly context: Context,
    { end, dropped }: LogBounds,
    readonly times: Pick<Turn, 'now' | 'wallNow'>,
  ) {
    this.end = this.#sealed = end;
    this.#dropped = dropped;
    this.#touchedMs = context.settings.clock.now();
    this.#snapshots = new SnapshotSchedule(context.settings.log);
  }

  /** Gives the events of a batch their seqs. */
  seal(batch: PendingBatch, record: LiveRecord): void {
    this.#sealed = batch.seal(this.end, record, this.context.settings, this.times.wallNow());
  }

  /** Tells whether a log that ends at `top` has the batch under way. */
  isIn(top: Place): boolean {
    return top.token === this.#sealed.token && top.seq >= this.#sealed.seq;
  }

  /** The call that appends a sealed batch. @param stateAfter the state after the batch as JSON, where it is known */
  toCall(batch: PendingBatch, record: LiveRecord, stateAfter: () => string | undefined): Batch {
    const { settings, runningTtlMs } = this.context;
    const { final, endsWithProgress, progress, events } = batch;
    const { seq, bytes } = this.#sealed;
    const now = this.times.now();
    const isDue = this.#snapshots.isDue(events.length, batch.bytes, now);
    const json = final !== undefined || isDue ? stateAfter() : undefined;
    const touch = now - this.#touchedMs > runningTtlMs / 16;
    if (touch) this.#touchedMs = now;
    const unnoted = this.#endsWithProgress ? record.progress : undefined;
    return {
      taskId: record.taskId,
      token: record.epoch,
      entries: batch.entries,
      progress: endsWithProgress ? undefined : (progress ?? unnoted),
      snapshot: json === undefined ? undefined : { seq: final === undefined ? seq : seq - 1, json },
      ending: final === undefined ? undefined : { status: final, outcome: events.at(-1)?.json ?? '' },
      trim: seq - this.#dropped.seq > settings.log.maxEvents || bytes - this.#dropped.bytes > settings.log.maxBytes,
      touch,
    };
  }

  /** The batch under way is in the log. */
  commit(batch: PendingBatch, call: Batch, record: LiveRecord, dropped = this.#dropped): void {
    this.end = this.#sealed;
    this.#dropped = dropped;
    this.#endsWithProgress = batch.endsWithProgress;
    this.snapshot = call.snapshot ?? this.snapshot;
    record.lastSeq = this.end.seq;
    record.firstKeptSeq = dropped.seq + 1;
    record.bufferedEvents = this.end.seq - dropped.seq;
    record.bufferedBytes = this.end.bytes - dropped.bytes;
    record.updatedAtMs = batch.entries.at(-1)?.atMs ?? record.updatedAtMs;
    record.progress = batch.progress ?? record.progress;
    if (batch.final !== undefined) record.status = batch.final;
  }

  /** The log goes on under a higher token. */
  renew(end: Place): void {
    this.end = this.#sealed = { ...end, seq: Math.max(end.seq, this.end.seq) };
  }
}
