import { TaskError } from '../core/errors.js';
import type { Executor, TaskWriter } from '../core/ports.js';
import { move, TERMINAL_EVENT, type FinalStatus, type TaskStatus } from '../core/status.js';
import { appendWords } from './append-script.js';
import type { Appending } from './appender.js';
import { Batch } from './batch.js';
import { isPassing } from './commands.js';
import type { Context } from './context.js';
import { placeOf, type Place } from './entry.js';
import type { RedisRecord } from './record.js';
import type { WriterOwner } from './writer-owner.js';
import { RELEASE } from './scripts.js';
import { SnapshotSchedule, type StoredSnapshot } from './snapshot-schedule.js';

/** Between two tries to reach a store that does not answer, in ms. */
const RETRY_MS = 100;

/**
 * Writes one task. What one tick appends goes as one script call, one call is under way at a time, and a call whose
 * answer was lost is sent again until its fate is known; the script sees by the ids that it has been there.
 */
export class RedisWriter implements TaskWriter, Appending {
  readonly record: RedisRecord & { status: TaskStatus; progress: string | undefined; lastSeq: number };
  readonly stream: string;
  #next: Batch | undefined;
  #underWay: Batch | undefined;
  /** The end of the log, and of what was dropped from its beginning. */
  #end: Place;
  #dropped: Place;
  /** The last event is a progress: it is noted in the hash only when another event follows. */
  #endsWithProgress = false;
  #refusal: TaskError | undefined;
  #scheduled = false;
  /** When its hash was written last. */
  #notedAt = -Infinity;
  readonly #snapshots: SnapshotSchedule;
  #stored: StoredSnapshot | undefined;

  constructor(
    readonly context: Context,
    record: RedisRecord,
    public executor: Executor,
    readonly owner: WriterOwner<RedisWriter>,
  ) {
    this.record = { ...record };
    this.stream = context.keys.events(record.taskId);
    this.#snapshots = new SnapshotSchedule(context.settings, () => this.executor.snapshotJson());
    this.#end = { seq: record.lastSeq, bytes: record.wireBytes };
    this.#dropped = { seq: record.firstKeptSeq - 1, bytes: record.wireBytes - record.bufferedBytes };
  }

  get taskId(): string {
    return this.record.taskId;
  }

  begin(executor: Executor): void {
    this.executor = executor;
    setImmediate(() => {
      this.owner.begun(this);
    });
  }

  /** The state at the end of the log; where more is on its way there, the state that was stored last. */
  snapshot(): StoredSnapshot | undefined {
    const idle = this.#next === undefined && this.#underWay === undefined && this.record.status === 'running';
    if (!idle) return this.#stored;
    const json = this.executor.snapshotJson();
    return json === undefined ? undefined : { seq: this.record.lastSeq, json };
  }

  append(event: string | undefined, json: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const { maxEvents, maxBytes } = this.context.settings.log;
    const waiting = this.#next;
    if (this.#underWay && waiting && (waiting.events.length >= maxEvents || waiting.length + json.length > maxBytes)) {
      return Promise.reject(new TaskError('STORE_UNAVAILABLE', 'Too much waits for the store to answer'));
    }
    return this.#add(event, json).done;
  }

  finish(status: FinalStatus, json: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    move(this.record.status, status);
    this.#refusal = new TaskError('TASK_NOT_RUNNING', `The task is already ${status}`);
    const batch = this.#add(TERMINAL_EVENT[status], json);
    batch.final = status;
    return batch.done;
  }

  countSubscribers = (): number => this.owner.subscribersOf(this);

  async release(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#refusal = new TaskError('FENCED', 'The task was given up');
    await this.#next?.done.catch(() => undefined);
    await this.#underWay?.done.catch(() => undefined);
    await this.context.commands.run(RELEASE, [this.context.keys.task(this.taskId)], [this.record.token]);
    this.owner.closed(this);
  }

  /** The task belongs to somebody else now, or is gone: `reason` says which. */
  void(reason: TaskError): void {
    this.#refusal = reason;
    for (const batch of [this.#underWay, this.#next]) batch?.reject(reason);
    this.#next = this.#underWay = undefined;
    const { executor } = this; // which `closed` lets go of
    this.owner.closed(this);
    executor.fenced(reason);
  }

  /** Refuses what has waited for too long. What was sent is pursued all the same, and so is a terminal event. */
  #expire(now: number): void {
    for (const batch of [this.#underWay, this.#next]) {
      if (batch === undefined || now - batch.startedMs < this.context.settings.timeoutMs) continue;
      batch.reject(new TaskError('STORE_UNAVAILABLE', 'The store did not answer in time'));
      if (batch === this.#next && batch.final === undefined) this.#next = undefined;
    }
  }

  #add(event: string | undefined, json: string): Batch {
    this.#next ??= new Batch(this.context.settings.clock.now());
    this.#next.add(event, json);
    if (!this.#scheduled && this.#underWay === undefined) {
      this.#scheduled = true;
      this.context.turn.add(this.#flush);
    }
    return this.#next;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#underWay !== undefined || this.#next === undefined) return;
    const batch = this.#next;
    this.#next = undefined;
    this.#begin(batch);
  };

  #begin(batch: Batch): void {
    const { settings } = this.context;
    this.#underWay = batch;
    batch.snapshot = this.#snapshots.due(batch);
    batch.seal(this.#end, this.record, settings);
    if (this.#isPlain(batch)) this.#append(batch);
    else this.#appendAndNote(batch);
  }

  #isPlain(batch: Batch): boolean {
    const noted = batch.final !== undefined || batch.snapshot !== undefined || this.#progressToNote(batch) !== '';
    return !noted && !this.#isOver(batch) && batch.startedMs - this.#notedAt <= this.context.runningTtlMs / 16;
  }

  #isOver({ end }: Batch): boolean {
    const { maxEvents, maxBytes } = this.context.settings.log;
    return end.seq - this.#dropped.seq > maxEvents || end.bytes - this.#dropped.bytes > maxBytes;
  }

  #progressToNote(batch: Batch): string {
    if (batch.endsWithProgress) return '';
    return batch.progress ?? (this.#endsWithProgress ? this.record.progress : undefined) ?? '';
  }

  /** Together with what others append; what the stream does not take is sent again, alone. */
  #append(batch: Batch): void {
    const { commands, appender } = this.context;
    if (!commands.healthy) {
      this.#retryLater(batch);
      return;
    }
    appender.add(this, batch);
  }

  /** What became of it. Where the stream did not take all of it, it is sent again: what it took is not taken twice. */
  appended(batch: Batch, isAppended: boolean): void {
    if (this.#underWay !== batch) return;
    if (isAppended) this.#commit(batch);
    else this.#appendAndNote(batch);
  }

  appendFailed(batch: Batch, error: unknown): void {
    if (this.#underWay !== batch) return;
    if (isPassing(error)) {
      this.#retryLater(batch);
      return;
    }
    batch.reject(error); // it was not appended, for a reason that the program should hear of
    if (batch.final !== undefined) this.#retryLater(batch);
    else {
      this.#underWay = undefined;
      this.#flush();
    }
  }

  #appendAndNote(batch: Batch): void {
    const { commands, keys, runningTtlMs, settings, appendScript } = this.context;
    if (!commands.healthy) {
      this.#retryLater(batch);
      return;
    }
    this.#notedAt = settings.clock.now();
    const words = appendWords(batch, {
      ...{ token: this.record.token, ttlMs: runningTtlMs, nowMs: settings.clock.wallNow() },
      ...{ progress: this.#progressToNote(batch), over: this.#isOver(batch) },
    });
    commands.run(appendScript, keys.ofTask(this.taskId), words).then(
      (reply) => {
        if (this.#underWay === batch) this.#answered(batch, String(reply));
      },
      (error: unknown) => {
        this.appendFailed(batch, error);
      },
    );
  }

  #retryLater(batch: Batch): void {
    const { clock } = this.context.settings;
    clock.after(RETRY_MS, () => {
      this.#expire(clock.now());
      if (this.#underWay === batch) this.#appendAndNote(batch);
    });
  }

  #answered(batch: Batch, reply: string): void {
    if (reply === 'GONE') {
      this.void(new TaskError('TASK_LOST', 'The store has lost the task'));
    } else if (reply === 'FENCED' || reply.startsWith('ENDED ')) {
      this.void(new TaskError('FENCED', 'Another instance has taken the task over'));
    } else {
      if (reply.startsWith('KEPT ')) this.#dropped = placeOf(reply.slice('KEPT '.length));
      this.#commit(batch);
    }
  }

  #commit(batch: Batch): void {
    const { record } = this;
    this.#underWay = undefined;
    this.#end = batch.end;
    this.#endsWithProgress = batch.endsWithProgress;
    record.lastSeq = batch.end.seq;
    record.progress = batch.progress ?? record.progress;
    if (batch.final !== undefined) record.status = batch.final;
    const { snapshot } = batch;
    if (snapshot !== undefined) {
      this.#stored = { seq: record.lastSeq - (batch.final === undefined ? 0 : 1), json: snapshot };
    }
    this.owner.committed(this, batch);
    batch.resolve();
    if (batch.final !== undefined) this.owner.closed(this);
    else this.#flush();
  }
}
