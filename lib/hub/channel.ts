/** The messages of one audience of a hub. */
import { EventLog, type LogLimits, type Slice } from '../core/log/event-log.js';
import type { Follower } from '../core/log/followers.js';
import type { MemoryBudget } from '../core/log/memory.js';

/** A recipient of a channel. It has no follower while it is away. */
export interface Member {
  readonly follower: Follower | undefined;
}

/**
 * Keeps the messages of one audience: an EventLog, whose seq is dense and local, and beside it the hub-wide seq of
 * every kept message, by which the messages of several channels are merged.
 */
export class Channel {
  /**
   * The members, those away included. Empty for the channel of all and for that of one client, whose members the hub
   * keeps elsewhere.
   */
  readonly members = new Set<Member>();
  /** The number of members that are connected. */
  present = 0;
  /** The number of clients that may still return for kept messages, those that have left included. */
  readers = 0;
  /** The hub-wide seq of its newest message; 0 for none. */
  lastSeq = 0;
  /** The hub-wide seq of the newest message that is no longer kept. */
  trimmedTo = 0;
  #log: EventLog | undefined;
  readonly #seqs: number[] = [];
  /** The local seq of the first entry in `#seqs`. */
  #firstLocal = 1;
  #ids: Map<string, number> | undefined;

  constructor(
    readonly name: string,
    readonly limits: LogLimits,
    readonly budget: MemoryBudget,
    /** The user that it is for, where it belongs to one user or to one of the user's clients. */
    readonly userId?: string,
  ) {}

  /** The memory that its messages take, in bytes. */
  get capacity(): number {
    return this.#log?.capacity ?? 0;
  }

  /** Returns the log. It is made on first use, so a channel without messages has none. */
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

  /** Returns the hub-wide seq of the kept message that has this id of its own. */
  seqOfId(id: string): number | undefined {
    return this.#ids?.get(id);
  }

  /** Returns the hub-wide seq of the first kept message after `seq`, or Infinity where there is none. */
  nextAfter(seq: number): number {
    return seq >= this.lastSeq ? Infinity : (this.#seqs[this.#indexAfter(seq)] ?? Infinity);
  }

  /**
   * Returns the messages that follow `seq` in one piece, up to the hub-wide `limit` (included). `nextAfter(seq)` must
   * be within it.
   */
  readAfter(seq: number, limit: number): Slice | undefined {
    const position = this.#firstLocal + this.#indexAfter(seq) - 1;
    if (limit >= this.lastSeq) return this.#log?.readAfter(position);
    return this.#log?.readAfter(position, this.#firstLocal + this.#indexAfter(limit) - 1);
  }

  /** Returns the hub-wide seq of a kept message from its local one. */
  seqOf(local: number): number {
    return this.#seqs[local - this.#firstLocal] as number;
  }

  /** Frees memory at the cost of the oldest messages. Returns the bytes freed, or 0 where no messages are kept. */
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
      if (seq > this.trimmedTo) break; // ids stand in the order of their messages
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
