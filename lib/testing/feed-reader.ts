/** Reads the feed of a task in the suites as a connection does. */
import type { Follower } from '../core/log/followers.js';
import type { TaskFeed } from '../core/ports.js';
import { Subscription, type Item, type Start } from '../core/log/subscription.js';
import { decodeEvents, type Frame } from '../sse/frame.js';

/** Reads a feed as a connection does: what is there, and what comes as soon as it is woken. */
export class FeedReader implements Follower {
  /** The seq of every frame, in the order they came. */
  readonly frames: Frame[] = [];
  /** Gaps and snapshots. */
  readonly others: Exclude<Item, { kind: 'frames' }>[] = [];
  readonly subscription: Subscription;
  wakes = 0;
  #woken: (() => void) | undefined;

  constructor(feed: TaskFeed, start: Partial<Start> = {}, subscriberId?: string) {
    this.subscription = new Subscription(feed, subscriberId, { position: 0, snapshot: false, ...start }, this);
  }

  get seqs(): number[] {
    return this.frames.map(({ seq }) => seq);
  }

  wake(): void {
    this.wakes++;
    this.#woken?.();
  }

  /** Reads what is there, without waiting. */
  drain(): this {
    for (let item = this.subscription.read(); item !== undefined; item = this.subscription.read()) {
      if (item.kind === 'frames') this.frames.push(...decodeEvents(item.bytes.toString()));
      else this.others.push(item);
    }
    return this;
  }

  /** Reads until the frame `seq` has come. */
  async until(seq: number): Promise<this> {
    return this.#while(() => this.subscription.position < seq);
  }

  /** Reads until the terminal event has come. */
  async untilFinished(): Promise<this> {
    return this.#while(() => !this.subscription.finished);
  }

  close(): void {
    this.subscription.close();
  }

  async #while(missing: () => boolean): Promise<this> {
    for (;;) {
      const woken = new Promise<void>((resolve) => (this.#woken = resolve));
      this.drain();
      if (!missing()) return this;
      await woken;
    }
  }
}
