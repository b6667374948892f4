import type { Slice } from './event-log.js';
import type { Follower } from './followers.js';
import type { MemoryBudget } from './memory.js';
import type { TaskFeed } from './ports.js';
import type { GapReason } from './task.js';

/** Events that the subscriber will not get: `from` to `to`, both included. `position` is where it goes on. */
export interface Gap<Reason extends string = GapReason> {
  readonly kind: 'gap';
  readonly from: number;
  readonly to: number;
  readonly reason: Reason;
  readonly position: number;
}

/** The state at `seq` in the place of the events up to it, for a subscriber that has those up to `after` already. */
export interface SnapshotItem {
  readonly kind: 'snapshot';
  readonly after: number;
  readonly seq: number;
  readonly json: string;
}

export type Item = Slice | Gap | SnapshotItem;

/** Where a subscriber starts. */
export interface Start {
  /** The seq of the last event it has. */
  readonly position: number;
  /** Which holder of the task wrote that event, where the subscriber knows. */
  readonly epoch?: number | undefined;
  /** Begin with a snapshot where there is one. */
  readonly snapshot: boolean;
}

/**
 * One reader of one log: a position, and nothing else. Attaching, replaying, following and catching up after a stall
 * are the same act: `read` until there is nothing more, then wait to be woken.
 */
export class Subscription {
  #position: number;
  /** The epoch of the event at the position: should the log lose that event, another one may take its seq. */
  #epoch: number;
  /** What the subscriber is to be told before anything else. */
  #gap: Gap | undefined;
  /** What was read from the store for this subscriber alone. */
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
    // Back to the end as it is now: the log may grow, and end, before the client takes anything.
    this.#retreat(position > log.lastSeq && epoch >= log.epochs.current ? 'ahead' : 'lost');
    this.#snapshotFirst = start.snapshot;
    feed.join(subscriberId);
    feed.log.follow(follower);
  }

  /** The seq of the last event that was read. */
  get position(): number {
    return this.#position;
  }

  /** Where what it has read and its socket has not taken is accounted for. */
  get budget(): MemoryBudget {
    return this.feed.log.budget;
  }

  /** The terminal event was read: nothing will follow. */
  get finished(): boolean {
    const { log } = this.feed;
    return log.ended && this.#position >= log.lastSeq && this.#epoch === log.epochs.at(log.lastSeq);
  }

  /** The task was forgotten before everything was read: nothing will follow. */
  get discarded(): boolean {
    return this.feed.log.discarded && !this.finished;
  }

  /** What comes next, or undefined until the follower is woken. */
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

  /** What the log here has dropped may still be in the store. */
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
      // Where the store has nothing either, an empty slice that begins where the log does says so.
      const first = this.feed.log.firstSeq - 1;
      this.#older = slice ?? { kind: 'frames', from: first, to: first, bytes: Buffer.alloc(0) };
      if (!this.#closed) this.follower.wake();
    };
    fetching.then(done, () => {
      done();
    });
    return undefined;
  }

  /** Passes over what is missing before `next`. */
  #skipTo(next: number, reason: GapReason): Gap {
    const from = this.#position + 1;
    this.#moveTo(next - 1);
    return { kind: 'gap', from, to: next - 1, reason, position: next - 1 };
  }

  /** Goes back to where the log agrees with what the subscriber has; it is told what it has to forget. */
  #retreat(reason: GapReason): void {
    const { lastSeq, ended, epochs } = this.feed.log;
    const to = this.#position;
    const agreed = epochs.agreed(to, this.#epoch, lastSeq);
    // A position that the log never had says nothing about the end: it is told once more.
    const position = ended && agreed < to ? Math.min(agreed, lastSeq - 1) : agreed;
    this.#moveTo(position);
    if (position < to) this.#gap = { kind: 'gap', from: position + 1, to, reason, position };
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#epoch = this.feed.log.epochs.at(position);
  }

  /** The snapshot, where there is one that the kept log goes on from. */
  #snapshot(): SnapshotItem | undefined {
    const snapshot = this.feed.snapshot();
    if (snapshot === undefined || snapshot.seq + 1 < this.feed.log.firstSeq) return undefined;
    const after = this.#position;
    this.#moveTo(snapshot.seq);
    this.#gap = undefined;
    return { kind: 'snapshot', after, ...snapshot };
  }
}
