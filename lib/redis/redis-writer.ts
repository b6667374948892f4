import { TaskError } from '../core/errors.js';
import type { Executor, TaskWriter } from '../core/ports.js';
import { move, TERMINAL_EVENT, type FinalStatus, type TaskStatus } from '../core/status.js';
import { Batch, type StoredSnapshot } from './batch.js';
import { appendWords } from './append-script.js';
import type { Append } from './appender.js';
import { refused, replyOf } from './commands.js';
import type { Context } from './context.js';
import type { RedisRecord } from './record.js';
import { RELEASE } from './scripts.js';

/** Between two tries to reach a store that does not answer, in ms. */
const RETRY_MS = 100;
/** What Redis says when the same command will be accepted a little later. */
const PASSING = /^(?:LOADING|READONLY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|BUSY|UNBLOCKED|NOREPLICAS) /;
/** A snapshot is stored again after this long, or after this part of what the log keeps. */
const SNAPSHOT_MS = 1_000;
const SNAPSHOT_PART = 16;

/** What a writer tells the store that made it. */
export interface WriterOwner {
  /** These events are in the log; the first has `seq`. */
  committed(writer: RedisWriter, seq: number, batch: Batch): void;
  /** Nothing more will be written: the task has ended, was given up, or belongs to somebody else. */
  closed(writer: RedisWriter): void;
}

/**
 * Writes one task. What one tick appends goes as one script call, one call is under way at a time, and a call whose
 * answer was lost is sent again until its fate is known; the script sees by its number that it has been there.
 */
export class RedisWriter implements TaskWriter {
  readonly record: RedisRecord & { status: TaskStatus; progress: string | undefined; lastSeq: number };
  #next: Batch | undefined;
  #underWay: Batch | undefined;
  /** How `#underWay` is sent, each time. */
  #append: Pick<Append, 'keys' | 'words'> = { keys: [], words: [] };
  #batches = 0;
  #refusal: TaskError | undefined;
  #scheduled = false;
  #renewedAt = -Infinity;
  #snapshotAt = -Infinity;
  #unsaved = 0;
  #stored: StoredSnapshot | undefined;

  constructor(
    readonly context: Context,
    record: RedisRecord,
    public executor: Executor,
    readonly snapshotJson: (() => string | undefined) | undefined,
    readonly owner: WriterOwner,
  ) {
    this.record = { ...record };
  }

  get taskId(): string {
    return this.record.taskId;
  }

  /** The state at the end of the log; where more is on its way there, the state that was stored last. */
  snapshot(): StoredSnapshot | undefined {
    const idle = this.#next === undefined && this.#underWay === undefined && this.record.status === 'running';
    if (!idle) return this.#stored;
    const json = this.snapshotJson?.();
    return json === undefined ? undefined : { seq: this.record.lastSeq, json };
  }

  append(event: string | undefined, json: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const { maxEvents, maxBytes } = this.context.settings.log;
    const waiting = this.#next;
    if (this.#underWay && waiting && (waiting.events.length >= maxEvents || waiting.bytes + json.length > maxBytes)) {
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
      if (batch === undefined || batch.dueMs > now) continue;
      batch.reject(new TaskError('STORE_UNAVAILABLE', 'The store did not answer in time'));
      if (batch === this.#next && batch.final === undefined) this.#next = undefined;
    }
  }

  #add(event: string | undefined, json: string): Batch {
    const { clock, timeoutMs } = this.context.settings;
    this.#next ??= new Batch(`${this.record.token}.${++this.#batches}`, clock.now() + timeoutMs);
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
    const { keys, settings, runningTtlMs } = this.context;
    const { taskId, record } = this;
    const now = settings.clock.now();
    const renew = batch.final !== undefined || now - this.#renewedAt > runningTtlMs / 16;
    if (renew) this.#renewedAt = now;
    batch.snapshot = this.#dueSnapshot(batch, now);
    batch.seal(record.lastSeq, record.resumeKey, settings.encode, settings.log);
    this.#underWay = batch;
    const names = renew ? keys.ofTask(taskId) : [keys.task(taskId), keys.events(taskId)];
    this.#append = { keys: names, words: appendWords(batch, record, renew ? runningTtlMs : 0) };
    this.#send(batch);
  }

  /** The state as JSON where it is time to store it, so that a trimmed log always goes on from one. */
  #dueSnapshot(batch: Batch, now: number): string | undefined {
    if (this.snapshotJson === undefined) return undefined;
    const { maxEvents, maxBytes } = this.context.settings.log;
    this.#unsaved += Math.max(batch.events.length / maxEvents, batch.bytes / maxBytes);
    const due = this.#unsaved > 1 / SNAPSHOT_PART || now - this.#snapshotAt >= SNAPSHOT_MS;
    if (!due && batch.final === undefined) return undefined;
    this.#unsaved = 0;
    this.#snapshotAt = now;
    return this.snapshotJson();
  }

  #send(batch: Batch): void {
    const { commands, appender } = this.context;
    if (!commands.healthy) {
      this.#sendLater(batch);
      return;
    }
    appender.add({
      ...this.#append,
      answered: (reply) => {
        if (this.#underWay === batch) this.#answered(batch, reply);
      },
      failed: (error) => {
        if (this.#underWay === batch) this.#failed(batch, error);
      },
    });
  }

  #sendLater(batch: Batch): void {
    const { clock } = this.context.settings;
    clock.after(RETRY_MS, () => {
      this.#expire(clock.now());
      if (this.#underWay === batch) this.#send(batch);
    });
  }

  #failed(batch: Batch, error: unknown): void {
    const said = replyOf(error);
    if (said === '' || PASSING.test(said)) {
      this.#sendLater(batch);
      return;
    }
    batch.reject(error); // it was not appended, for a reason that the program should hear of
    if (batch.final !== undefined) this.#sendLater(batch);
    else {
      this.#underWay = undefined;
      this.#flush();
    }
  }

  #answered(batch: Batch, reply: unknown): void {
    if (typeof reply === 'number') {
      this.#underWay = undefined;
      this.#commit(batch, reply);
      return;
    }
    const said = String(reply);
    if (said === 'FENCED' || said.startsWith('ENDED ')) {
      this.void(new TaskError('FENCED', 'Another instance has taken the task over'));
    } else if (said === 'GONE') {
      this.void(new TaskError('TASK_LOST', 'The store has lost the task'));
    } else if (said.startsWith('FAILED ')) {
      this.#failed(batch, refused(new Error(said.slice('FAILED '.length))));
    } else {
      this.#lostTail(batch);
    }
  }

  #commit(batch: Batch, seq: number): void {
    const { record } = this;
    const progress = batch.events.findLast(({ event }) => event === undefined);
    if (progress !== undefined) record.progress = progress.json;
    record.lastSeq = seq;
    if (batch.final !== undefined) record.status = batch.final;
    const { snapshot } = batch;
    if (snapshot !== undefined) this.#stored = { seq: seq - (batch.final === undefined ? 0 : 1), json: snapshot };
    this.owner.committed(this, seq - batch.events.length + 1, batch);
    batch.resolve();
    if (batch.final !== undefined) this.owner.closed(this);
    else this.#flush();
  }

  /**
   * The log has lost acknowledged events, which readers may have: it was restored from an older copy. Its seqs are not
   * given away again: the task ends here, after the last seq that anybody can have seen.
   */
  #lostTail(batch: Batch): void {
    const lost = new TaskError('TASK_LOST', 'The store has lost events of the task');
    batch.reject(lost);
    this.#next?.reject(lost);
    this.#next = undefined;
    this.#refusal = lost;
    const error = { code: lost.code, message: lost.message };
    const end = new Batch(`${batch.id}.lost`, batch.dueMs);
    end.add(TERMINAL_EVENT.failed, JSON.stringify({ task_id: this.taskId, status: 'failed', error }));
    end.final = 'failed';
    this.#begin(end);
    this.executor.fenced(lost);
  }
}
