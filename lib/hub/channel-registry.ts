/** The channels of a hub and the memory that their messages share. */
import type { LogLimits } from '../core/log/event-log.js';
import { Memory } from '../core/log/memory.js';
import { FairEviction } from '../core/store/fair-eviction.js';
import { Channel } from './channel.js';
import type { HubAddress } from './hub-log.js';

/** Keeps all channels of a hub, and shares the memory of their messages out. */
export class ChannelRegistry {
  /**
   * The memory of all channels. When it runs out, the share that keeps most pays, with the channel that was silent
   * longest.
   */
  readonly memory: Memory;
  readonly all: Channel;
  readonly rooms = new Map<string, Channel>();
  readonly users = new Map<string, Channel>();
  /**
   * The channels that keep messages. The channels of a user and of the user's clients are one share; every other
   * channel is a share of its own.
   */
  readonly #kept = new FairEviction<string | Channel, Channel>({ sparesLast: false });

  constructor(
    readonly limits: LogLimits,
    maxBytes: number,
  ) {
    this.memory = new Memory(maxBytes, () => this.#trimNext());
    this.all = this.create('');
    this.all.open();
  }

  get bufferedBytes(): number {
    return this.memory.bytes;
  }

  /** @param userId out of whose share it keeps its messages; undefined: its own */
  create(name: string, userId?: string): Channel {
    return new Channel(name, this.limits, this.memory, userId);
  }

  /** Returns the channel of a room or user, with one more reader. */
  addReader(kind: 'room' | 'user', name: string): Channel {
    const channels = this.#of(kind);
    let channel = channels.get(name);
    if (channel === undefined) channels.set(name, (channel = this.create(name, kind === 'user' ? name : undefined)));
    channel.readers++;
    return channel;
  }

  /** Undoes `addReader`. A channel without readers is forgotten. */
  removeReader(kind: 'room' | 'user', channel: Channel): void {
    if (--channel.readers > 0) return;
    this.#of(kind).delete(channel.name);
    this.discard(channel);
  }

  append(channel: Channel, seq: number, frame: string, id: string | undefined): void {
    channel.append(seq, frame, id);
    this.#kept.put(channel.userId ?? channel, channel, channel.capacity);
  }

  discard(channel: Channel): void {
    channel.discard();
    this.#kept.delete(channel);
  }

  /** Forgets everything. */
  discardAll(): void {
    for (let next = this.#kept.first(); next !== undefined; next = this.#kept.first()) this.discard(next);
    this.rooms.clear();
    this.users.clear();
  }

  #trimNext(): boolean {
    const channel = this.#kept.first();
    if (channel === undefined) return false;
    if (channel.dropOldest() > 0) this.#kept.reweigh(channel, channel.capacity);
    else this.#kept.delete(channel);
    return true;
  }

  #of(kind: Exclude<HubAddress['kind'], 'all' | 'client'>): Map<string, Channel> {
    return kind === 'room' ? this.rooms : this.users;
  }
}
