/** Keeps the local copy of one log in order and complete, wherever its events come from, also where the store has lost some. */
import { EventLog } from '../../core/log/event-log.js';
import type { MemoryBudget } from '../../core/log/memory.js';
import type { KnownPlace } from '../../core/ports.js';
import { isFinal, TERMINAL_EVENT, type FinalStatus } from '../../core/task/status.js';
import type { Context } from '../context.js';
import { eachEvent } from '../port/entry.js';
import { dropLost, endAfterLoss, skipMissing } from './lost-events.js';
import type { PendingBatch } from '../writing/pending-batch.js';
import type { LiveRecord } from '../records.js';
import { assertKnownSchema } from '../port/schema.js';
import { SingleFlight } from '../single-flight.js';
import { SCHEMA, START, type Entry, type Place, type StoredTask, type TaskState } from '../port/stored.js';

/** The number of entries that are read at a time. */
const PAGE = 100;

/** The first page of a log. */
export const readFirst = ({ driver }: Context, taskId: string): Promise<readonly Entry[]> =>
  driver.readAfter(taskId, START, PAGE);

const STATUS_OF = new Map<string | undefined, FinalStatus>(
  (Object.keys(TERMINAL_EVENT) as FinalStatus[]).map((status) => [TERMINAL_EVENT[status], status]),
);

/**
 * The events of a task as this instance has copied them, in order and each once, whether they were read from the store,
 * brought by a notification or written here.
 */
export class LogSync {
  readonly log: EventLog;
  /** The place of the last entry that was taken over. */
  #readTo: Pick<Place, 'token' | 'seq'> = START;
  readonly #fetching = new SingleFlight(() => this.#fetch());

  /**
   * @param record is kept up to date with the log
   * @param lastSeq where the copy begins: after what the store has dropped already
   */
  constructor(
    readonly context: Context,
    readonly record: LiveRecord,
    budget: MemoryBudget,
    lastSeq: number,
    readonly changed: () => void,
  ) {
    const log = new EventLog(context.settings.log, budget, lastSeq);
    this.log = log;
    Object.defineProperties(record, {
      lastSeq: { get: () => log.lastSeq },
      firstKeptSeq: { get: () => log.firstSeq },
      epoch: { get: () => log.epochs.current }, // of the event that is encoded, which may be older than the task's
    });
  }

  /** Reads what the copy does not have yet. @throws TaskError `STORE_UNAVAILABLE` */
  fetch(): Promise<void> {
    return this.#fetching.run();
  }

  /** The same with the first page of the log, where nothing has been read yet. @throws TaskError `STORE_UNAVAILABLE` */
  async begin(first: readonly Entry[]): Promise<void> {
    if (this.#readTo !== START || this.log.discarded || this.log.ended) return this.fetch();
    await this.#take(first);
    if (first.length === PAGE) await this.fetch();
  }

  /** Tells whether the copy has read the claim that its writer began with, and has all events up to `seq`. */
  follows({ token }: Place, seq: number): boolean {
    return this.log.epochs.current === token && seq <= this.log.lastSeq;
  }

  /** Tells whether somebody has more than this copy: what the writer here has sent may be known elsewhere before its answer is. */
  lacks(known: KnownPlace | undefined): boolean {
    if (known === undefined || this.log.ended) return false;
    return known.position > this.log.lastSeq || (known.epoch ?? 0) > this.log.epochs.current;
  }

  /** Tells whether the store, which says `state`, has more than this copy. */
  isBehind({ top, status }: TaskState): boolean {
    const { token, seq } = this.#readTo;
    return top.token > token || (top.token === token && top.seq > seq) || (isFinal(status) && !this.log.ended);
  }

  /** Takes over entries that a notification has brought, where they follow what is here; reads the store where they do not. */
  acceptEntries(entries: readonly Entry[] | undefined): Promise<void> {
    for (const entry of entries ?? []) {
      const { token, seq } = entry.place;
      const follows = token === this.#readTo.token && seq - entry.events <= this.log.lastSeq;
      if (!follows || this.log.ended) return this.fetch();
      this.#accept(entry);
    }
    return entries === undefined ? this.fetch() : Promise.resolve();
  }

  /**
   * Takes over what the writer here has appended. False: the copy has not read up to where the writer began, and the store
   * tells what is missing.
   */
  acceptBatch({ run, progress, final }: PendingBatch, end: Place): boolean {
    const before = end.seq - run.frames.length;
    if (!this.follows(end, before)) return false;
    this.log.appendFrom(this.log.lastSeq - before, run);
    this.record.progress = progress ?? this.record.progress;
    this.changed();
    this.#readTo = end;
    if (final !== undefined) this.#end(final);
    return true;
  }

  /** Brings the end of the log about where its terminal event is lost: the task has kept what it said. */
  conclude(task: StoredTask): void {
    const end = endAfterLoss(this.log, task);
    if (end !== undefined) this.#append(end.seq, end.event, end.json);
  }

  async #fetch(): Promise<void> {
    let entries: readonly Entry[];
    do {
      if (this.log.discarded || this.log.ended) return;
      entries = await this.context.driver.readAfter(this.record.taskId, this.#readTo, PAGE);
      await this.#take(entries);
    } while (entries.length === PAGE);
  }

  async #take(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      const before = entry.place.seq - entry.events;
      if (before > this.log.lastSeq) await skipMissing(this.log, this.context.driver, this.record.taskId, before);
      this.#accept(entry);
    }
  }

  #accept(entry: Entry): void {
    // Only newer instances can read this entry and those after it, so readers are sent there.
    if (entry.schema > SCHEMA) this.log.discard();
    assertKnownSchema(entry.schema, 'The task');
    const { place } = entry;
    dropLost(this.log, place.token, place.seq - entry.events);
    if (place.token === this.log.epochs.current) {
      eachEvent(entry, this.log.lastSeq, (seq, event, json) => {
        this.#append(seq, event, json);
      });
      this.changed();
    }
    this.#readTo = place;
  }

  #append(seq: number, event: string | undefined, json: string): void {
    if (seq <= this.log.lastSeq || this.log.ended) return;
    const { record } = this;
    this.log.append(this.context.settings.encode(record, seq, event, json));
    if (event === undefined) record.progress = json;
    const final = STATUS_OF.get(event);
    if (final !== undefined) this.#end(final);
  }

  #end(status: FinalStatus): void {
    this.record.status = status;
    this.log.end();
  }
}
