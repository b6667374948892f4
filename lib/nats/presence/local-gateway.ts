import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import type { ClientDirectory, Gateway } from './client-directory.js';
import { unlessClosed, maxPayloadOf, within } from '../connection.js';
import { warn } from '../isolate.js';
import { parseSyncRequest, type Change, type PresenceMessage } from './presence-protocol.js';
import { randomToken } from '../subject.js';

/** How presence travels. */
export interface PresenceWire {
  readonly connection: NatsConnection;
  readonly subject: string;
  readonly leaseMs: number;
  readonly clock: Clock;
}

interface State {
  readonly gateway: string;
  readonly version: number;
  readonly leaseMs: number;
}

/** A process that is cut off for no longer than these changes last is told them alone, not all clients. */
const RECENT_CHANGES = 4_096;
/** The most that one message carries of a list, where the server takes four times as much: JSON may double an id. */
const LIST_BYTES = 262_144;
/** How often a lease is renewed in its time: three renewals may be lost. */
export const BEATS_PER_LEASE = 4;

/**
 * The clients of this process, told to all others: each change at once, one lease for them all, and the whole list to
 * whoever asks. Messages may be lost; versions say so, and whoever misses one asks.
 */
export class LocalGateway {
  readonly gateway: Gateway & { version: number } = { id: randomToken(), version: 0, clients: 0 };
  readonly #recent: Change[] = [];
  /** Who waits for a whole list. */
  readonly #listRecipients = new Set<string>();
  #isTellingLists = false;
  #questions: Subscription | undefined;
  #stopLease: (() => void) | undefined;
  #stopped = false;

  constructor(
    readonly directory: ClientDirectory,
    readonly wire: PresenceWire | undefined,
  ) {}

  markOnline(id: string): void {
    if (!this.#stopped && this.directory.add(id, this.gateway)) this.#changed([1, id]);
  }

  /** True: the client is connected nowhere any more. */
  markOffline(id: string): boolean {
    if (!this.directory.holds(id, this.gateway)) return false;
    const gone = this.directory.delete(id, this.gateway);
    this.#changed([0, id]);
    return gone;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#stopLease === undefined || this.wire === undefined) return;
    this.#stopLease();
    this.#stopLease = undefined;
    this.#listRecipients.clear();
    unlessClosed(() => this.#questions?.unsubscribe());
    this.#tell({ kind: 'stopped', gateway: this.gateway.id });
    // Where it cannot be told in the time of a lease the lease has told it.
    const { connection, clock, leaseMs } = this.wire;
    await within(clock, leaseMs, connection.flush());
  }

  #changed(change: Change): void {
    this.gateway.version++;
    if (this.wire === undefined || this.#stopped) return;
    this.#recent.push(change);
    if (this.#recent.length >= 2 * RECENT_CHANGES) this.#recent.splice(0, RECENT_CHANGES);
    this.#start(this.wire);
    this.#tell({ kind: 'change', gateway: this.gateway.id, version: this.gateway.version, change });
  }

  /** With the first client: a process without any is no gateway, and has no lease to renew. */
  #start({ connection, subject, leaseMs, clock }: PresenceWire): void {
    if (this.#stopLease !== undefined) return;
    this.#stopLease = clock.every(leaseMs / BEATS_PER_LEASE, () => {
      this.#tell({ kind: 'lease', ...this.#state(leaseMs) });
    });
    // Before anything is told that somebody might ask about.
    const callback = (error: Error | null, msg: Msg): void => {
      if (error === null) this.#answer(msg, leaseMs);
      else warn(error, `in the subscription to ${subject}.sync`);
    };
    unlessClosed(() => {
      this.#questions = connection.subscribe(`${subject}.sync`, { callback });
    });
  }

  #answer(msg: Msg, leaseMs: number): void {
    const { gateway = this.gateway.id, version } = parseSyncRequest(msg.string());
    if (gateway !== this.gateway.id || msg.reply === undefined || msg.reply === '') return;
    const state = this.#state(leaseMs);
    const missed = version === undefined ? Infinity : state.version - version;
    const isRecent = missed >= 0 && missed <= this.#recent.length;
    const changes = isRecent ? this.#recent.slice(this.#recent.length - missed) : [];
    if (isRecent && changes.reduce((bytes, [, id]) => bytes + id.length + 6, 0) <= this.#listBytes) {
      this.#tell({ kind: 'since', ...state, from: state.version - missed, changes }, msg.reply);
    } else {
      this.#listRecipients.add(msg.reply);
      if (!this.#isTellingLists) void this.#tellLists(leaseMs);
    }
  }

  get #listBytes(): number {
    return this.wire === undefined ? LIST_BYTES : Math.min(LIST_BYTES, maxPayloadOf(this.wire.connection) / 4);
  }

  /** Each has left before the next is made: however many ask, leases go in between, and one list takes memory. */
  async #tellLists(leaseMs: number): Promise<void> {
    this.#isTellingLists = true;
    for (const recipient of this.#listRecipients) {
      this.#listRecipients.delete(recipient);
      this.#tellAll(recipient, this.#state(leaseMs));
      await this.wire?.connection.flush().catch(() => undefined); // a lost connection has nothing left to send
    }
    this.#isTellingLists = false;
  }

  #tellAll(to: string, state: State): void {
    const maxBytes = this.#listBytes;
    let ids: string[] = [];
    let bytes = 0;
    let part = 0;
    for (const id of this.directory.clientsOf(this.gateway)) {
      ids.push(id);
      bytes += id.length + 3;
      if (bytes < maxBytes) continue;
      this.#tell({ kind: 'all', ...state, part: part++, last: false, ids }, to);
      [ids, bytes] = [[], 0];
    }
    this.#tell({ kind: 'all', ...state, part, last: true, ids }, to);
  }

  #state(leaseMs: number): State {
    return { gateway: this.gateway.id, version: this.gateway.version, leaseMs };
  }

  #tell(message: PresenceMessage, to = this.wire?.subject): void {
    if (to !== undefined) unlessClosed(() => this.wire?.connection.publish(to, JSON.stringify(message)));
  }
}
