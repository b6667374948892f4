import { EventLog, type LogLimits, type Slice } from '../core/event-log.js';
import type { Follower } from '../core/followers.js';
import type { MemoryBudget } from '../core/memory.js';

/** Somebody a channel delivers to; without a follower while they are away. */
export interface Member {
  readonly follower: Follower | undefined;
}

/**
 * One audience's share of the hub's messages: an EventLog, whose seq is dense and local, and beside it the hub-wide seq
 * of every message that is kept, which the messages of several channels are merged by.
 */
export class Channel {
  /** Who belongs to it, those away included. Empty where the hub keeps that elsewhere: all, and a single client. */
  readonly members = new Set<Member>();
  /** How many of them are connected. */
  present = 0;
  /** How many may still come back for what is kept, those who have left since included. */
  readers = 0;
  /** Hub-wide seq of its newest message; 0: none. */
  lastSeq = 0;
  /** The same of the newest one that is no longer kept. */
  trimmedTo = 0;
  #log: EventLog | undefined;
  readonly #seqs: number[] = [];
  /** The local seq of the first of them. */
  #firstLocal = 1;
  #ids: Map<string, number> | undefined;

  constructor(
    readonly name: string,
    readonly limits: LogLimits,
    readonly budget: MemoryBudget,
    /** Whom it is for, where that is one user or one client of theirs. */
    readonly userId?: string,
  ) {}

  /** Memory that its messages take, in bytes. */
  get capacity(): number {
    return this.#log?.capacity ?? 0;
  }

  /** Makes the log, which a channel that nothing was ever sent to does without. */
  open(): EventLog {
    if (this.#log !== undefined) return this.#log;
    this.#log = new EventLog(this.limits, this.budget);
    for (const { follower } of this.members) if (follower !== undefined) this.#log.follow(follower);
    return this.#log;
  }

  append(seq: number, frame: string, id: string | undefined): void {
    this.open().append(frame);
    this.#forgetTrimmed();
    this.#seqs.push(seq);
    this.lastSeq = seq;
    if (id !== undefined) (this.#ids ??= new Map<string, number>()).set(id, seq);
  }

  follow(follower: Follower): void {
    this.#log?.follow(follower);
  }

  unfollow(follower: Follower): void {
    this.#log?.unfollow(follower);
  }

  /** The hub-wide seq of the kept message with this id of its own. */
  seqOfId(id: string): number | undefined {
    return this.#ids?.get(id);
  }

  /** The hub-wide seq of the first kept message after `seq`; Infinity where there is none. */
  nextAfter(seq: number): number {
    return seq >= this.lastSeq ? Infinity : (this.#seqs[this.#indexAfter(seq)] ?? Infinity);
  }

  /** What follows `seq` in one piece, up to the hub-wide `limit` (included), where `nextAfter(seq)` is within it. */
  readAfter(seq: number, limit: number): Slice | undefined {
    const position = this.#firstLocal + this.#indexAfter(seq) - 1;
    if (limit >= this.lastSeq) return this.#log?.readAfter(position);
    return this.#log?.readAfter(position, this.#firstLocal + this.#indexAfter(limit) - 1);
  }

  /** The hub-wide seq of a local one that is kept. */
  seqOf(local: number): number {
    return this.#seqs[local - this.#firstLocal] as number;
  }

  /** Gives memory back at the cost of the oldest messages; 0 where none are kept. */
  dropOldest(): number {
    const freed = this.#log?.dropOldestSegment() ?? 0;
    this.#forgetTrimmed();
    return freed;
  }

  /** Forgets everything. */
  discard(): void {
    this.#log?.discard();
    this.#forgetTrimmed();
  }

  #forgetTrimmed(): void {
    const gone = Math.min((this.#log?.firstSeq ?? 1) - this.#firstLocal, this.#seqs.length);
    if (gone <= 0) return;
    this.trimmedTo = this.#seqs[gone - 1] as number;
    this.#seqs.splice(0, gone);
    this.#firstLocal += gone;
    for (const [id, seq] of this.#ids ?? []) {
      if (seq > this.trimmedTo) break; // in the order they came
      this.#ids?.delete(id);
    }
  }

  #indexAfter(seq: number): number {
    const seqs = this.#seqs;
    let high = seqs.length;
    let low = high > 1 && (seqs[high - 2] as number) <= seq ? high - 1 : 0; // most readers are at the end
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((seqs[middle] as number) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
