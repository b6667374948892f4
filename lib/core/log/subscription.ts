/** A reader of a log: what it gets next, and what it is told when events are missing. */
import type { Slice } from './event-log.js';
import type { Follower } from './followers.js';
import { gapAfter, gapBefore, type Gap, type GapReason } from './gap.js';
import type { MemoryBudget } from './memory.js';
import type { TaskFeed } from '../ports.js';

/** Stands for the events up to `seq` with a state, for a subscriber that has those up to `after` already. */
export interface SnapshotItem {
  readonly kind: 'snapshot';
  readonly after: number;
  readonly seq: number;
  readonly json: string;
}

export type Item = Slice | Gap | SnapshotItem;

/** The place at which a subscriber starts. */
export interface Start {
  /** The seq of the last event it has. */
  readonly position: number;
  /** The epoch of that event, where the subscriber knows it: which holder of the task wrote it. */
  readonly epoch?: number | undefined;
  /** True for a subscriber that begins with a snapshot, where there is one. */
  readonly snapshot: boolean;
}

/**
 * Reads one log for one subscriber. It is a position and nothing else: attaching, replaying, following and catching up
 * after a stall are the same act, which is to `read` until there is nothing more and then to wait to be woken.
 */
export class Subscription {
  #position: number;
  /** The epoch of the event at the position. Should the log lose that event, another one may take its seq. */
  #epoch: number;
  /** The gap that the subscriber is told of before anything else. */
  #gap: Gap | undefined;
  /** Events that were read from the store for this subscriber alone. */
  #older: Slice | undefined;
  #fetching = false;
  #snapshotFirst: boolean;
  #closed = false;

  constructor(
    readonly feed: TaskFeed,
    readonly subscriberId: string | undefined,
    start: Start,
    readonly follower: Follower,
  ) {
    const { log } = feed;
    const { position, epoch = log.epochs.at(position) } = start;
    this.#position = position;
    this.#epoch = epoch;
    // A position beyond the log goes back to its end as it is now, because the log may grow, and end, before the client
    // takes anything.
    this.#retreat(position > log.lastSeq && epoch >= log.epochs.current ? 'ahead' : 'lost');
    this.#snapshotFirst = start.snapshot;
    feed.join(subscriberId);
    feed.log.follow(follower);
  }

  /** The seq of the last event that was read. */
  get position(): number {
    return this.#position;
  }

  /** Accounts for the memory of items that were read while the socket has not taken them. */
  get budget(): MemoryBudget {
    return this.feed.log.budget;
  }

  /** True once the terminal event has been read, so that nothing follows. */
  get finished(): boolean {
    const { log } = this.feed;
    return log.ended && this.#position >= log.lastSeq && this.#epoch === log.epochs.at(log.lastSeq);
  }

  /** True where the task was forgotten before everything was read, so that nothing follows. */
  get discarded(): boolean {
    return this.feed.log.discarded && !this.finished;
  }

  /** Returns the next item, or undefined until the follower is woken. */
  read(): Item | undefined {
    const { log } = this.feed;
    if (log.discarded) return undefined;
    if (this.#epoch !== log.epochs.current || this.#position > log.lastSeq) this.#retreat('lost');
    const trimmed = this.#position + 1 < log.firstSeq;
    if (this.#snapshotFirst || (trimmed && this.#older === undefined && !this.#fetching)) {
      this.#snapshotFirst = false;
      const snapshot = this.#snapshot();
      if (snapshot !== undefined) return snapshot;
    }
    const gap = this.#gap;
    this.#gap = undefined;
    return gap ?? (trimmed ? this.#readOlder() : this.#readOn());
  }

  /** @param position the seq of the last event that was passed on, where that is not all that was read */
  close(position = this.#position): void {
    if (this.#closed) return;
    this.#closed = true;
    this.feed.log.unfollow(this.follower);
    this.feed.leave(this.subscriberId, position);
  }

  #readOn(): Item | undefined {
    const { log } = this.feed;
    const next = log.nextAfter(this.#position);
    if (next > this.#position + 1) return this.#skipTo(next, 'lost');
    const slice = log.readAfter(this.#position);
    if (slice !== undefined) this.#moveTo(slice.to);
    return slice;
  }

  /** Reads from the store what the log here has dropped, and reports a gap for what the store has dropped too. */
  #readOlder(): Item | undefined {
    const { log } = this.feed;
    const older = this.#older;
    this.#older = undefined;
    if (older?.from === this.#position) {
      this.#moveTo(older.to);
      return older;
    }
    if (this.#fetching) return undefined;
    const fetching = older === undefined ? this.feed.readOlder?.(this.#position) : undefined;
    if (fetching === undefined)
      return this.#skipTo(Math.min(older === undefined ? Infinity : older.from + 1, log.firstSeq), 'trimmed');
    this.#fetching = true;
    const done = (slice?: Slice): void => {
      this.#fetching = false;
      // An empty slice that begins where the log does stands for "the store has nothing either".
      const first = this.feed.log.firstSeq - 1;
      this.#older = slice ?? { kind: 'frames', from: first, to: first, bytes: Buffer.alloc(0) };
      if (!this.#closed) this.follower.wake();
    };
    fetching.then(done, () => {
      done();
    });
    return undefined;
  }

  /** Passes over the events that are missing before `next`. */
  #skipTo(next: number, reason: GapReason): Gap {
    const gap = gapBefore(next, this.#position, reason);
    this.#moveTo(gap.position);
    return gap;
  }

  /**
   * Goes back to where the log agrees with the events that the subscriber has, and notes which of them it has to
   * forget.
   */
  #retreat(reason: GapReason): void {
    const { lastSeq, ended, epochs } = this.feed.log;
    const to = this.#position;
    const agreed = epochs.agreed(to, this.#epoch, lastSeq);
    // A subscriber whose event the log never had cannot have seen the end, so the end is sent once more.
    const isForeign = agreed < to || this.#epoch !== epochs.at(to);
    const position = ended && isForeign ? Math.min(agreed, lastSeq - 1) : agreed;
    this.#moveTo(position);
    if (position < to) this.#gap = gapAfter(position, to, reason);
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#epoch = this.feed.log.epochs.at(position);
  }

  /** Returns the snapshot, if there is one from which the kept log goes on. */
  #snapshot(): SnapshotItem | undefined {
    const snapshot = this.feed.snapshot();
    if (snapshot === undefined || snapshot.seq + 1 < this.feed.log.firstSeq) return undefined;
    const after = this.#position;
    this.#moveTo(snapshot.seq);
    this.#gap = undefined;
    return { kind: 'snapshot', after, ...snapshot };
  }
}
