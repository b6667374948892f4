/** Writes the log of one task, one batch after the other, under the fencing token of this instance. */
import { TaskError, unavailable } from '../../core/errors.js';
import type { Executor, TaskWriter } from '../../core/ports.js';
import { move, TERMINAL_EVENT, type FinalStatus } from '../../core/task/status.js';
import { NOBODY } from '../../core/store/nobody.js';
import type { Appender, Appending } from './appender.js';
import type { Batch, Fate } from '../port/calls.js';
import type { Context } from '../context.js';
import { fenced, lostByStore } from '../outcomes.js';
import { LogTail, type LogBounds } from './log-tail.js';
import type { PendingBatch } from './pending-batch.js';
import type { LiveRecord } from '../records.js';
import type { Retries } from './retries.js';
import type { Place, StoredSnapshot, TaskState } from '../port/stored.js';
import type { Turn } from '../turn.js';
import { WriteQueue } from './write-queue.js';

/** The services that a writer needs of the store that made it. */
export interface WriterOwner {
  readonly appender: Appender;
  readonly retries: Retries;
  readonly turn: Turn;
  /** Tells whether the instance may still be the holder of what it holds. */
  readonly sure: boolean;
  begun(writer: SharedWriter): void;
  /** These events are in the log. */
  committed(writer: SharedWriter, batch: PendingBatch): void;
  /** Nothing more will be written: the task has ended, was given up, or belongs to somebody else. */
  closed(writer: SharedWriter): void;
  countSubscribers(writer: SharedWriter): Promise<number>;
  release(writer: SharedWriter): Promise<void>;
}

/**
 * Sends a batch only when the fate of the one before is known: in the log, or certainly not. A call that was not answered
 * is looked up, then sent again unchanged, so a seq never stands for two events.
 */
export class SharedWriter implements TaskWriter, Appending {
  executor: Executor = NOBODY;
  readonly #tail: LogTail;
  readonly #queue: WriteQueue;
  #underWay: PendingBatch | undefined;
  #inFlight = false;
  /** The last call for the batch under way. */
  #call: Batch | undefined;
  #refusal: TaskError | undefined;
  #scheduled = false;
  #paused = false;

  constructor(
    readonly context: Context,
    readonly record: LiveRecord,
    bounds: LogBounds,
    readonly owner: WriterOwner,
  ) {
    this.#tail = new LogTail(context, bounds, owner.turn);
    this.#queue = new WriteQueue(context.settings.clock, context.settings.log.maxBytes);
  }

  get end(): Place {
    return this.#tail.end;
  }

  get taskId(): string {
    return this.record.taskId;
  }

  get idle(): boolean {
    return this.#underWay === undefined;
  }

  begin(executor: Executor): void {
    this.executor = executor;
    this.owner.begun(this);
  }

  append(event: string | undefined, json: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    if (!this.#queue.hasRoomFor(json)) return Promise.reject(unavailable('Too many events wait for the store'));
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

  countSubscribers(): Promise<number> {
    return this.owner.countSubscribers(this);
  }

  async release(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#refusal = fenced('The task was given up');
    await this.#queue.settled();
    await this.#underWay?.done.catch(() => undefined);
    // If the store is not told of it, `reconcile` finds the task.
    await this.owner.release(this).finally(() => this.owner.closed(this));
  }

  /** The state at the end of the log; where more is on its way there, the state that was stored last. */
  snapshot(): StoredSnapshot | undefined {
    if (!this.#queue.empty || !this.idle || this.record.status !== 'running') return this.#tail.snapshot;
    const json = this.executor.snapshotJson();
    return json === undefined ? undefined : { seq: this.record.lastSeq, json };
  }

  /** The task belongs to somebody else now, or is gone: `reason` says which. */
  revoke(reason: TaskError): void {
    this.#refusal = reason;
    const rejected = this.#queue.takeAll();
    if (this.#underWay !== undefined) rejected.unshift(this.#underWay);
    this.#underWay = undefined;
    const { executor } = this; // which `closed` lets go of
    this.owner.closed(this);
    for (const batch of rejected) batch.reject(reason);
    executor.fenced(reason);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#flush();
  }

  /** The instance has taken its own task again, under a higher token; the log goes on after `end`. */
  renew(end: Place): void {
    this.record.epoch = end.token;
    this.#tail.renew(end);
  }

  /**
   * Refuses what has waited for too long, a call once it is answered and the log was asked: an event that is refused is
   * never in it. What may be in it is pursued, as is a terminal event. `doubt`: why nothing is sent at present.
   */
  expire(now: number, doubt: unknown): void {
    const oldest = now - this.context.settings.appendPatienceMs;
    const [late, batch] = [this.#queue.takeOlder(oldest), this.#underWay];
    if (batch !== undefined && batch.startedMs <= oldest && (batch.wasUnknown || !this.#inFlight)) {
      if (batch.wasUnknown || batch.final !== undefined) late.unshift(batch);
      else this.#askFate(batch, () => batch.expire(batch.cause ?? doubt));
    }
    for (const each of late) each.expire(batch?.cause ?? doubt);
    if (late.length > 0) this.#flush();
  }

  #add(event: string | undefined, json: string): PendingBatch {
    const batch = this.#queue.add(event, json);
    if (!this.#scheduled && this.idle) {
      this.#scheduled = true;
      this.owner.turn.add(this.#flush);
    }
    return batch;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (!this.idle || this.#paused || this.#queue.empty || !this.owner.sure) return;
    const batch = (this.#underWay = this.#queue.take() as PendingBatch);
    this.#tail.seal(batch, this.record);
    this.#send(batch);
  };

  #send(batch: PendingBatch): void {
    this.#inFlight = true;
    this.#call = this.#tail.toCall(batch, this.record, this.#stateAfter);
    this.owner.appender.add(this, this.#call);
  }

  /** Only where nothing waits behind the batch that the state includes already. */
  readonly #stateAfter = (): string | undefined => (this.#queue.empty ? this.executor.snapshotJson() : undefined);

  settled(call: Batch, fate: Fate): void {
    const batch = this.#underWay;
    if (batch?.entries !== call.entries) return;
    this.#inFlight = false;
    if ('cause' in fate) batch.failed(fate);
    switch (fate.kind) {
      case 'committed':
        this.#commit(batch, call, fate.dropped);
        break;
      case 'refused':
        this.#refused(batch, fate.passing);
        break;
      case 'unknown':
        this.#retry(batch, () => this.#askFate(batch));
        break;
      case 'gone':
        this.revoke(lostByStore());
        break;
      case 'fenced':
      case 'ended':
        this.revoke(fenced());
    }
  }

  #refused(batch: PendingBatch, passing: boolean): void {
    if (passing || batch.final !== undefined || batch.wasUnknown) this.#retry(batch, () => this.#send(batch));
    else this.#askFate(batch, () => batch.reject(unavailable('The store refuses the event', batch.cause)));
  }

  #retry(batch: PendingBatch, retry: () => void): void {
    this.owner.retries.add(() => {
      if (this.#underWay === batch && !this.#inFlight) retry();
    });
  }

  /** The log says whether a call was carried out; so may one that was refused, since a client may have sent it twice. */
  #askFate(batch: PendingBatch, refuse?: () => void): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#inFlight = true;
    this.context.driver.look([this.taskId]).then(
      ([state]) => {
        this.#inFlight = false;
        if (this.#underWay === batch) this.#found(batch, call, state, refuse);
      },
      (cause: unknown) => this.settled(call, { kind: 'unknown', cause }),
    );
  }

  #found(batch: PendingBatch, call: Batch, state: TaskState | undefined, refuse?: () => void): void {
    if (state === undefined) this.revoke(lostByStore());
    else if (state.token > this.record.epoch) this.revoke(fenced());
    else if (this.#tail.isIn(state.top)) this.#commit(batch, call);
    else if (state.status !== 'running') this.revoke(fenced());
    else if (refuse === undefined) this.#send(batch);
    else {
      this.#underWay = undefined; // its seqs are free again
      refuse();
      this.#flush();
    }
  }

  #commit(batch: PendingBatch, call: Batch, dropped?: Place): void {
    this.#underWay = undefined;
    this.#tail.commit(batch, call, this.record, dropped);
    this.owner.committed(this, batch);
    batch.resolve();
    if (batch.final !== undefined) this.owner.closed(this);
    else this.#flush();
  }
}
