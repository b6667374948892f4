import type { LogLimits, MemoryBudget } from '../core/event-log.js';
import { Channel } from './channel.js';
import type { HubAddress } from './hub-log.js';

/** All channels of a hub, and the memory that their messages share. */
export class ChannelRegistry implements MemoryBudget {
  readonly all: Channel;
  readonly rooms = new Map<string, Channel>();
  readonly users = new Map<string, Channel>();
  /** ChannelRegistry that keep anything, those written to longest ago first. */
  readonly #kept = new Set<Channel>();
  #reserved = 0;

  constructor(
    readonly limits: LogLimits,
    readonly maxBytes: number,
  ) {
    this.all = this.create('');
    this.all.open();
  }

  get bufferedBytes(): number {
    return this.#reserved;
  }

  create(name: string): Channel {
    return new Channel(name, this.limits, this);
  }

  /** The channel of a room or user, for one more reader. */
  addReader(kind: 'room' | 'user', name: string): Channel {
    const channels = this.#of(kind);
    let channel = channels.get(name);
    if (channel === undefined) channels.set(name, (channel = this.create(name)));
    channel.readers++;
    return channel;
  }

  /** Undoes `addReader`; without readers a channel is forgotten. */
  removeReader(kind: 'room' | 'user', channel: Channel): void {
    if (--channel.readers > 0) return;
    this.#of(kind).delete(channel.name);
    this.discard(channel);
  }

  append(channel: Channel, seq: number, frame: string, id: string | undefined): void {
    this.#kept.delete(channel); // what it takes is not taken from itself
    channel.append(seq, frame, id);
    this.#kept.add(channel);
  }

  discard(channel: Channel): void {
    channel.discard();
    this.#kept.delete(channel);
  }

  /** Forgets everything. */
  discardAll(): void {
    for (const channel of this.#kept) this.discard(channel);
    this.rooms.clear();
    this.users.clear();
  }

  /** Accounts for `bytes` more, at the cost of the channels that have been silent longest. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
    for (const channel of this.#kept) {
      while (this.#reserved > this.maxBytes && channel.dropOldest() > 0);
      if (this.#reserved <= this.maxBytes) return;
      this.#kept.delete(channel);
    }
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
  }

  #of(kind: Exclude<HubAddress['kind'], 'all' | 'client'>): Map<string, Channel> {
    return kind === 'room' ? this.rooms : this.users;
  }
}
