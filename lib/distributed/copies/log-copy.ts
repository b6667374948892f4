/** Serves the subscribers of one task on this instance from one local copy of its log. */
import type { EventLog, Slice } from '../../core/log/event-log.js';
import { Account, type MemoryBudget } from '../../core/log/memory.js';
import type { TaskFeed } from '../../core/ports.js';
import type { Context } from '../context.js';
import { isTask, type AudienceReport } from '../port/calls.js';
import { LogSync } from './log-sync.js';
import { readOlder } from './older-events.js';
import type { LiveRecord } from '../records.js';
import type { Entry, StoredSnapshot, StoredTask } from '../port/stored.js';
import type { SharedWriter } from '../writing/writer.js';

/** A task as this instance follows it: one copy of its log, read once, for all its subscribers here. */
export class LogCopy implements TaskFeed {
  readonly events: LogSync;
  /** The writer, where the task runs here: then nothing needs to be read. */
  writer: SharedWriter | undefined;
  holder: string | undefined;
  /** Subscribers here. */
  local = 0;
  /** Named subscribers whose coming and going the store has not heard of. */
  moves: AudienceReport['moves'][number][] = [];
  /** The last time at which somebody used it, by the monotonic clock. */
  usedMs: number;
  #others: number;
  #snapshot: StoredSnapshot | undefined;
  /** Its last progress, and the states that are folded here or were read. */
  readonly #texts: Account;
  #isForgotten = false;

  /** @param lastSeq where the copy begins: after what the store has dropped already */
  constructor(
    readonly context: Context,
    readonly record: LiveRecord,
    holder: string | undefined,
    budget: MemoryBudget,
    lastSeq: number,
    readonly audienceChanged: (copy: LogCopy) => void,
  ) {
    this.events = new LogSync(context, record, budget, lastSeq, () => {
      this.#countTexts();
    });
    this.#texts = new Account(budget);
    this.holder = holder;
    this.#others = record.subscribers;
    this.usedMs = context.settings.clock.now();
  }

  get log(): EventLog {
    return this.events.log;
  }

  get taskId(): string {
    return this.record.taskId;
  }

  snapshot(): StoredSnapshot | undefined {
    return this.writer?.snapshot() ?? this.#snapshot;
  }

  join(subscriberId: string | undefined): void {
    this.local++;
    this.#moved(subscriberId, undefined);
  }

  leave(subscriberId: string | undefined, position: number): void {
    this.local--;
    this.usedMs = this.context.settings.clock.now();
    this.#moved(subscriberId, position);
  }

  readOlder(position: number): Promise<Slice | undefined> {
    return readOlder(this.context, this, position);
  }

  /** Sets the number of subscribers that are attached to other instances. */
  setOthers(subscribers: number): void {
    this.#others = subscribers;
    this.#count();
  }

  /** Reads what it does not have yet. @throws TaskError `STORE_UNAVAILABLE` */
  fetch(): Promise<void> {
    return this.events.fetch();
  }

  /** Begins with what was read, at the same time, before there was a copy: the task, and the first page of its log. */
  async catchUp(task: StoredTask, first: readonly Entry[]): Promise<void> {
    const { snapshot } = task;
    this.#snapshot = snapshot ?? this.#snapshot;
    this.#countTexts();
    if (!this.mayBeBehind) return;
    await this.events.begin(first);
    if (this.events.isBehind(task)) await this.fetch(); // the task was read after its log
    // The log was trimmed in between, up to a later state.
    if (snapshot !== undefined && snapshot.seq < this.log.firstSeq - 1) await this.fetchSnapshot();
  }

  /** Tells whether the store may have events that this copy has not: without a writer here, and before one has caught up. */
  get mayBeBehind(): boolean {
    if (this.log.ended) return false;
    return this.writer === undefined || !this.events.follows(this.writer.end, this.writer.end.seq);
  }

  /** The task does not run here any more; what is known of it stays. */
  detach(): void {
    this.#snapshot = this.writer?.snapshot() ?? this.#snapshot;
    this.writer = undefined;
    this.#countTexts();
    this.usedMs = this.context.settings.clock.now();
  }

  /** Reads the state that was stored last, where there was one, and it is more than `events` behind the log. */
  async refreshSnapshot(events: number): Promise<void> {
    if (this.#snapshot !== undefined && this.log.lastSeq - this.#snapshot.seq > events) await this.fetchSnapshot();
  }

  /** Reads the state that was stored last, for those who come too late for the events before it. */
  async fetchSnapshot(): Promise<void> {
    if (this.writer?.executor.snapshotJson() !== undefined) return; // it has a newer one
    const task = await this.context.driver.read({ taskId: this.taskId }, { snapshot: true });
    if (isTask(task)) this.#snapshot = task.snapshot ?? this.#snapshot;
    this.#countTexts();
  }

  /** Nobody finds it any more. */
  forget(): void {
    this.#isForgotten = true;
    this.#countTexts();
  }

  /** Accounts for the texts that are kept beside the log. */
  #countTexts(): void {
    const bytes = [this.record.progress?.length, this.#snapshot?.json.length, this.writer?.executor.snapshotBytes?.()];
    this.#texts.set(this.#isForgotten ? 0 : bytes.reduce<number>((sum, more = 0) => sum + more, 0));
  }

  #moved(subscriberId: string | undefined, position: number | undefined): void {
    if (subscriberId !== undefined) this.moves.push({ subscriberId, position });
    this.#count();
    this.audienceChanged(this);
  }

  #count(): void {
    this.record.subscribers = this.local + this.#others;
    this.writer?.executor.audienceChanged(this.record.subscribers);
  }
}
