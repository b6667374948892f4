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

/** The state at `seq` in the place of the events up to it. */
export interface SnapshotItem {
  readonly kind: 'snapshot';
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
  #snapshotFirst: boolean;
  #closed = false;

  constructor(
    readonly feed: TaskFeed,
    readonly subscriberId: string | undefined,
    start: Start,
    readonly follower: Follower,
  ) {
    this.#position = start.position;
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
    const firstMissed = this.#position + 1;
    if (this.#snapshotFirst || firstMissed < log.firstSeq) {
      this.#snapshotFirst = false;
      const snapshot = this.#snapshot();
      if (snapshot !== undefined) return snapshot;
    }
    if (this.#position > log.lastSeq) {
      const to = this.#position;
      this.#position = log.lastSeq;
      return { kind: 'gap', from: log.lastSeq + 1, to, reason: 'ahead', position: log.lastSeq };
    }
    if (firstMissed < log.firstSeq) {
      const to = log.firstSeq - 1;
      this.#position = to;
      return { kind: 'gap', from: firstMissed, to, reason: 'trimmed', position: to };
    }
    const slice = log.readAfter(this.#position);
    if (slice !== undefined) this.#position = slice.to;
    return slice;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.feed.log.unfollow(this.follower);
    this.feed.leave(this.subscriberId, this.#position);
  }

  /** The snapshot, where there is one that the kept log goes on from. */
  #snapshot(): SnapshotItem | undefined {
    const snapshot = this.feed.snapshot();
    if (snapshot === undefined || snapshot.seq + 1 < this.feed.log.firstSeq) return undefined;
    this.#position = snapshot.seq;
    return { kind: 'snapshot', ...snapshot };
  }
}
