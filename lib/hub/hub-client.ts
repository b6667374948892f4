/** One client of a hub, over all its connections. */
import type { Follower } from '../core/log/followers.js';
import type { Channel, Member } from './channel.js';
import type { ChannelRegistry } from './channel-registry.js';

/** A client of the hub, as listeners and callers of `connect` see it: the same object over all its connections. */
export interface HubClient {
  /** The id. It is unguessable unless the application chose it, because whoever has it may return as this client. */
  readonly id: string;
  /** The user that `connect` was given; undefined for none. */
  readonly userId: string | undefined;
  /** False while it is away. */
  readonly connected: boolean;
  /** The rooms that it is in. */
  readonly rooms: readonly string[];
}

/** The place of a connection in the hub. */
interface Reading {
  readonly position: number;
  /** Set to true to end the connection when it next reads. */
  discarded: boolean;
}

/** The range of a room's messages that a client gets, as hub-wide seqs; `since` is excluded. */
interface Membership {
  readonly channel: Channel;
  readonly since: number;
  /** Infinity while it is in the room. */
  until: number;
}

/** The number of left rooms whose messages a client may still return for. A gap stands for those of further rooms. */
const MAX_LEFT_ROOMS = 16;

/** Holds the state of one client, connected or away. */
export class Client implements HubClient, Member {
  /** The cursor that reads for it while it is connected. */
  cursor: Reading | undefined;
  follower: Follower | undefined;
  ip: string | undefined;
  connectedAtMs = 0;
  /** Monotonic. */
  since = 0;
  /** Monotonic; while it is away. */
  leftAtMs = 0;
  messageCount = 0;
  /** The channel of its direct messages, once there are any. */
  own: Channel | undefined;
  /** The position that it last returned with, which it has therefore received. */
  confirmed: number;
  /**
   * True where the application has named it, so that only a request which it names the same way continues as this
   * client.
   */
  isNamed = false;
  #position: number;
  /** The last seq up to which messages of left rooms may be missing. */
  lostUpTo = 0;
  #memberships: Membership[] | undefined;

  /** @param firstSeq it gets nothing from before that */
  constructor(
    readonly id: string,
    readonly userId: string | undefined,
    readonly user: Channel | undefined,
    readonly firstSeq: number,
  ) {
    this.#position = firstSeq;
    this.confirmed = firstSeq;
    user?.members.add(this);
  }

  get connected(): boolean {
    return this.cursor !== undefined;
  }

  /**
   * The position of its connection, or at which its last one ended: what it was sent, which it need not have received.
   */
  get position(): number {
    return this.cursor?.position ?? this.#position;
  }

  get rooms(): readonly string[] {
    return this.memberships.filter(({ until }) => until === Infinity).map(({ channel }) => channel.name);
  }

  get memberships(): readonly Membership[] {
    return this.#memberships ?? NONE;
  }

  join(room: string, lastSeq: number, channels: ChannelRegistry): void {
    if (this.memberships.some(({ channel, until }) => channel.name === room && until === Infinity)) return;
    const channel = channels.addReader('room', room);
    (this.#memberships ??= []).push({ channel, since: lastSeq, until: Infinity });
    channel.members.add(this);
    if (this.follower === undefined) return;
    channel.present++;
    channel.follow(this.follower);
  }

  leave(room: string, channels: ChannelRegistry): void {
    const membership = this.memberships.find(({ channel, until }) => channel.name === room && until === Infinity);
    if (membership === undefined) return;
    const { channel } = membership;
    membership.until = channel.lastSeq; // the seq of the last message, so that losing that one counts as a loss
    channel.members.delete(this);
    if (this.follower !== undefined) {
      channel.present--;
      channel.unfollow(this.follower);
      this.follower.wake(); // what was sent in this turn wakes its followers only later, when this is none any more
    }
    this.#forgetLeft(channels);
  }

  /** Continues with this connection. */
  attach(cursor: Reading, follower: Follower): void {
    this.cursor = cursor;
    this.follower = follower;
    for (const channel of this.#audiences()) {
      channel.present++;
      channel.follow(follower);
    }
    this.own?.follow(follower);
  }

  detach(): void {
    const { follower } = this;
    this.#position = this.position;
    this.cursor = undefined;
    this.follower = undefined;
    if (follower === undefined) return;
    for (const channel of this.#audiences()) {
      channel.present--;
      channel.unfollow(follower);
    }
    this.own?.unfollow(follower);
  }

  /** Releases everything that it holds. It must not be attached. */
  dispose(channels: ChannelRegistry): void {
    for (const { channel } of this.memberships) {
      channel.members.delete(this);
      channels.removeReader('room', channel);
    }
    this.#memberships = undefined;
    this.user?.members.delete(this);
    if (this.user !== undefined) channels.removeReader('user', this.user);
    if (this.own !== undefined) channels.discard(this.own);
  }

  /** Returns the seq of the kept message that has this id of its own; the earliest, where several channels have it. */
  seqOfId(id: string, all: Channel): number | undefined {
    const channels = [all, this.user, this.own, ...this.memberships.map(({ channel }) => channel)];
    const seqs = channels.flatMap((channel) => channel?.seqOfId(id) ?? []);
    return seqs.length === 0 ? undefined : Math.min(...seqs);
  }

  /**
   * Forgets the left rooms whose messages it must have received. The others are kept, because a written message is not
   * yet received.
   */
  #forgetLeft(channels: ChannelRegistry): void {
    const left = this.memberships.filter(({ until }) => until !== Infinity);
    let surplus = left.length - MAX_LEFT_ROOMS;
    for (const membership of left) {
      const { channel, since, until } = membership;
      const sentNothing = until <= since;
      if (!sentNothing && channel.trimmedTo < until && surplus <= 0) continue;
      surplus--;
      if (!sentNothing) this.lostUpTo = Math.max(this.lostUpTo, until);
      this.#memberships = this.memberships.filter((other) => other !== membership);
      channels.removeReader('room', channel);
    }
  }

  /** Lists the channels that it shares with others, except the one of all. */
  *#audiences(): Generator<Channel> {
    if (this.user !== undefined) yield this.user;
    for (const { channel, until } of this.memberships) if (until === Infinity) yield channel;
  }
}

const NONE: readonly Membership[] = Object.freeze([]);
