import type { EventLog } from '../core/event-log.js';
import type { TaskFeed, TaskRecord } from '../core/ports.js';
import { isFinal, TERMINAL_EVENT, type FinalStatus, type TaskStatus } from '../core/status.js';
import type { Batch } from './batch.js';
import type { Context } from './context.js';
import { eachEvent, PAGE, readEntries, readSnapshot } from './entries.js';
import type { RedisRecord } from './record.js';
import type { RedisWriter } from './redis-writer.js';
import type { StoredSnapshot } from './snapshot-schedule.js';

const STATUS_OF = new Map<string, FinalStatus>(
  (Object.keys(TERMINAL_EVENT) as FinalStatus[]).map((status) => [TERMINAL_EVENT[status], status]),
);

/** Somebody by name who came, or left at a position. */
type Move = readonly [subscriberId: string, position: string];

/** A task as this instance follows it: one copy of its log, read once, for all its subscribers here. */
export class Mirror implements TaskFeed {
  readonly record: TaskRecord & { status: TaskStatus; subscribers: number; progress: string | undefined };
  /** The writer, where the task runs here: then nothing needs to be read. */
  writer: RedisWriter | undefined;
  holder: string;
  /** Subscribers here. */
  local = 0;
  /** Subscribers by name whose coming and going Redis has not heard of. */
  moves: Move[] = [];
  /** When it was last of use, by the monotonic clock. */
  usedMs: number;
  #others: number;
  #snapshot: StoredSnapshot | undefined;
  /** The id of the last entry that it has. */
  #readTo = '';
  #fetching: Promise<void> | undefined;
  #again = false;
  readonly #audienceChanged: (mirror: Mirror) => void;

  constructor(
    readonly context: Context,
    record: RedisRecord,
    readonly log: EventLog,
    audienceChanged: (mirror: Mirror) => void,
  ) {
    this.record = { ...record };
    this.holder = record.holder;
    this.#others = record.subscribers;
    this.usedMs = context.settings.clock.now();
    this.#audienceChanged = audienceChanged;
    const { log: kept } = this;
    const live = { lastSeq: () => kept.lastSeq, firstKeptSeq: () => kept.firstSeq };
    Object.defineProperties(this.record, { lastSeq: { get: live.lastSeq }, firstKeptSeq: { get: live.firstKeptSeq } });
  }

  get taskId(): string {
    return this.record.taskId;
  }

  snapshot(): StoredSnapshot | undefined {
    return this.writer === undefined ? this.#snapshot : (this.writer.snapshot() ?? this.#snapshot);
  }

  join(subscriberId: string | undefined): void {
    this.local++;
    if (subscriberId !== undefined) this.moves.push([subscriberId, '']);
    this.#count();
  }

  leave(subscriberId: string | undefined, position: number): void {
    this.local--;
    this.usedMs = this.context.settings.clock.now();
    if (subscriberId !== undefined) this.moves.push([subscriberId, String(position)]);
    this.#count();
  }

  /** Redis has counted all subscribers; `counted` of them were here. */
  countedAll(subscribers: number, counted: number): void {
    const others = Math.max(0, subscribers - counted);
    if (others === this.#others) return;
    this.#others = others;
    this.#tell();
  }

  /** Takes over events that are in the log. False: some before them are missing. */
  acceptAll({ frames, events, end, lastId }: Batch): boolean {
    const before = end.seq - frames.length;
    if (before > this.log.lastSeq) return false;
    for (let i = 0; i < frames.length; i++) this.#accept(before + i + 1, events[i]?.event, frames[i] as string);
    this.#readTo = lastId;
    return true;
  }

  /** Takes over the next event; one that is known already is skipped. */
  #accept(seq: number, event: string | undefined, frame: string): void {
    if (seq <= this.log.lastSeq || this.log.ended) return;
    const { record, log } = this;
    log.append(frame);
    const final = event === undefined ? undefined : STATUS_OF.get(event);
    if (final !== undefined) {
      record.status = final;
      log.end();
    }
  }

  /** Reads what it does not have yet; calls that come meanwhile are served by one more reading. */
  fetch(): Promise<void> {
    if (this.#fetching !== undefined) {
      this.#again = true;
      return this.#fetching;
    }
    return (this.#fetching = this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<void> {
    do {
      this.#again = false;
      while (!this.log.discarded && !this.log.ended && (await this.#fetchPage()) === PAGE);
    } while (this.#again as boolean);
  }

  async #fetchPage(): Promise<number> {
    const { log } = this;
    const entries = await readEntries(this.context, this.taskId, this.#readTo);
    eachEvent(entries, log.lastSeq, (seq, event, json) => {
      if (seq > log.lastSeq + 1) log.skipTo(seq - 1); // trimmed before they were read, or lost
      this.#encode(seq, event, json);
    });
    this.#readTo = entries.at(-1)?.[0] ?? this.#readTo;
    return entries.length;
  }

  #encode(seq: number, event: string | undefined, json: string): void {
    this.#accept(seq, event, this.context.settings.encode(this.record, seq, event, json));
    if (event === undefined) this.record.progress = json;
  }

  /** Brings the end of the log about where its terminal event is lost: the record has kept what it said. */
  conclude({ status, outcome, lastSeq }: TaskRecord): void {
    if (!isFinal(status) || this.log.ended || this.log.discarded || outcome === undefined) return;
    if (lastSeq > this.log.lastSeq + 1) this.log.skipTo(lastSeq - 1);
    this.#encode(lastSeq, TERMINAL_EVENT[status], outcome);
  }

  /** The task does not run here any more; what is known of it stays. */
  detach(): void {
    this.#snapshot = this.writer?.snapshot() ?? this.#snapshot;
    this.writer = undefined;
    this.usedMs = this.context.settings.clock.now();
  }

  /** Reads the state that was stored last, where it is more than `events` behind the log. */
  async refreshSnapshot(events: number): Promise<void> {
    if (this.#snapshot !== undefined && this.log.lastSeq - this.#snapshot.seq > events) await this.fetchSnapshot();
  }

  /** Reads the state that was stored last, for those who come too late for the events before it. */
  async fetchSnapshot(): Promise<void> {
    if (this.writer?.executor.snapshotJson() !== undefined) return; // it has a newer one
    this.#snapshot = (await readSnapshot(this.context, this.taskId)) ?? this.#snapshot;
  }

  #count(): void {
    this.#tell();
    this.#audienceChanged(this);
  }

  #tell(): void {
    this.record.subscribers = this.local + this.#others;
    this.writer?.executor.audienceChanged(this.record.subscribers);
  }
}
