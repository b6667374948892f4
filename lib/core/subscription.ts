import type { Follower, Slice } from './event-log.js';
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
  /** Begin with a snapshot where there is one. */
  readonly snapshot: boolean;
}

/**
 * One reader of one log: a position, and nothing else. Attaching, replaying, following and catching up after a stall
 * are the same act: `read` until there is nothing more, then wait to be woken.
 */
export class Subscription {
  #position: number;
  /** Where the client says it is, while that is ahead of the log and it has not been told so. */
  #claimed: number | undefined;
  #snapshotFirst: boolean;
  #closed = false;

  constructor(
    readonly feed: TaskFeed,
    readonly subscriberId: string | undefined,
    start: Start,
    readonly follower: Follower,
  ) {
    // Back to the end as it is now: the log may grow, and end, before the client takes anything.
    this.#position = Math.min(start.position, feed.log.lastSeq);
    if (this.#position < start.position) this.#claimed = start.position;
    this.#snapshotFirst = start.snapshot;
    feed.join(subscriberId);
    feed.log.follow(follower);
  }

  /** The seq of the last event that was read. */
  get position(): number {
    return this.#position;
  }

  /** The terminal event was read: nothing will follow. */
  get finished(): boolean {
    return this.feed.log.ended && this.#position >= this.feed.log.lastSeq;
  }

  /** The task was forgotten before everything was read: nothing will follow. */
  get discarded(): boolean {
    return this.feed.log.discarded && !this.finished;
  }

  /** What comes next, or undefined until the follower is woken. */
  read(): Item | undefined {
    const { log } = this.feed;
    if (log.discarded) return undefined;
    const from = this.#position + 1;
    const to = this.#claimed;
    this.#claimed = undefined;
    if (this.#snapshotFirst || from < log.firstSeq) {
      this.#snapshotFirst = false;
      const snapshot = this.#snapshot();
      if (snapshot !== undefined) return snapshot;
    }
    if (to !== undefined) return { kind: 'gap', from, to, reason: 'ahead', position: this.#position };
    if (from < log.firstSeq) {
      const position = (this.#position = log.firstSeq - 1);
      return { kind: 'gap', from, to: position, reason: 'trimmed', position };
    }
    const slice = log.readAfter(this.#position);
    if (slice !== undefined) this.#position = slice.to;
    return slice;
  }

  /** @param position the seq of the last event that was passed on, where that is not all that was read */
  close(position = this.#position): void {
    if (this.#closed) return;
    this.#closed = true;
    this.feed.log.unfollow(this.follower);
    this.feed.leave(this.subscriberId, position);
  }

  /** The snapshot, where there is one that the kept log goes on from. */
  #snapshot(): SnapshotItem | undefined {
    const snapshot = this.feed.snapshot();
    if (snapshot === undefined || snapshot.seq + 1 < this.feed.log.firstSeq) return undefined;
    const after = this.#position;
    this.#position = snapshot.seq;
    return { kind: 'snapshot', after, ...snapshot };
  }
}
