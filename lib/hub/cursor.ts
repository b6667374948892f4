/** The place of one connection in the messages of a hub. */
import type { Slice } from '../core/log/event-log.js';
import type { MemoryBudget } from '../core/log/memory.js';
import type { Gap } from '../core/log/gap.js';
import type { Source } from '../sse/connection.js';
import type { Channel } from './channel.js';
import type { Client } from './hub-client.js';

/**
 * Says why a client may have missed messages: they were `trimmed` before they could be sent, its position was `ahead`
 * of the hub's, or the hub does not know what it has received.
 */
export type HubGapReason = 'trimmed' | 'ahead' | 'unknown';
export type HubGap = Gap<HubGapReason>;

/** The state that the cursors of one hub share. */
export interface Delivery {
  readonly all: Channel;
  readonly merge: Merge;
  totalMessages: number;
  totalBytes: number;
  /** Notes that the connection of this cursor is over. */
  left(client: Client, cursor: Cursor): void;
}

/**
 * Reads the hub for one connection, at a single hub-wide seq. The next item is the earliest message after it in any of
 * the client's channels, together with those that follow in the same channel before another channel has its turn.
 */
export class Cursor implements Source {
  finished = false;
  /** True where the connection was replaced. A client that still listens there finds out by asking again. */
  discarded = false;
  #reportedGapTo = 0;

  constructor(
    readonly client: Client,
    public position: number,
    public gap: HubGap | undefined,
    readonly delivery: Delivery,
  ) {}

  get budget(): MemoryBudget {
    return this.delivery.all.budget;
  }

  read(): Slice | HubGap | undefined {
    if (this.discarded) return undefined;
    const { client, position, delivery, gap } = this;
    if (gap !== undefined) {
      this.gap = undefined;
      return gap;
    }
    const { merge } = delivery;
    merge.begin(Math.max(position, this.#reportedGapTo), client.lostUpTo);
    merge.consider(delivery.all, position, Infinity);
    if (client.user !== undefined) merge.consider(client.user, position, Infinity);
    if (client.own !== undefined) merge.consider(client.own, position, Infinity);
    for (const { channel, since, until } of client.memberships)
      merge.consider(channel, Math.max(position, since), until);
    if (merge.lostUpTo > 0) {
      // Other channels may have kept the messages of that time, so the position stays.
      this.#reportedGapTo = merge.lostUpTo;
      return { kind: 'gap', from: position + 1, to: merge.lostUpTo, reason: 'trimmed', position };
    }
    const { channel } = merge;
    const slice = channel?.readAfter(merge.after, merge.limit);
    if (channel === undefined || slice === undefined) return undefined;
    this.position = channel.seqOf(slice.to);
    const messages = slice.to - slice.from;
    client.messageCount += messages;
    delivery.totalMessages += messages;
    delivery.totalBytes += slice.bytes.length;
    return slice;
  }

  close(): void {
    this.delivery.left(this.client, this);
  }
}

/** Finds the channel whose turn it is. One serves the whole hub, since it is asked and answered within one turn. */
export class Merge {
  /** The channel with the earliest message, and the position and limit to read it with. */
  channel: Channel | undefined;
  after = 0;
  limit = Infinity;
  /** The newest message that was lost after the position without a report; 0 for none. */
  lostUpTo = 0;
  #next = Infinity;
  #reportedGapTo = 0;

  begin(reportedGapTo: number, lostUpTo: number): void {
    this.channel = undefined;
    this.limit = Infinity;
    this.#next = Infinity;
    this.#reportedGapTo = reportedGapTo;
    this.lostUpTo = lostUpTo > reportedGapTo ? lostUpTo : 0;
  }

  /** Takes the messages of `channel` after `after` up to `until` into account. */
  consider(channel: Channel, after: number, until: number): void {
    if (channel.lastSeq <= after) return;
    const lost = Math.min(channel.trimmedTo, until);
    if (lost > after && lost > this.#reportedGapTo) this.lostUpTo = Math.max(this.lostUpTo, lost);
    const next = channel.nextAfter(after);
    if (next > until) return;
    if (next < this.#next) {
      if (this.channel !== undefined) this.limit = this.#next - 1; // the previous channel waits for its turn
      this.limit = Math.min(this.limit, until);
      this.channel = channel;
      this.after = after;
      this.#next = next;
    } else {
      this.limit = Math.min(this.limit, next - 1);
    }
  }
}
