/** The clients of this process, as other processes learn of them. */
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import type { ClientDirectory, Gateway } from './client-directory.js';
import { unlessClosed, maxPayloadOf, within } from '../connection.js';
import { warn } from '../warn.js';
import { parseSyncRequest, type Change, type PresenceMessage } from './presence-protocol.js';
import { randomKey } from '../../core/task/random-key.js';

/** The means by which presence travels between processes. */
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

/** A process that missed no more changes than this is sent those alone instead of the whole list of clients. */
const RECENT_CHANGES = 4_096;
/** Bytes of ids in one message. The server must take four times as much, because JSON may double the size of an id. */
const LIST_BYTES = 262_144;
/** Renewals per lease, so that three of them may be lost. */
export const BEATS_PER_LEASE = 4;

/**
 * Tells all other processes about the clients of this one: each change at once, one lease for all of them, and the
 * whole list on request. Messages may get lost; the version in each one reveals that, and the process that missed one asks.
 */
export class LocalGateway {
  readonly gateway: Gateway & { version: number } = { id: randomKey(), version: 0, clients: 0 };
  readonly #recent: Change[] = [];
  /** Reply subjects of the processes that wait for the whole list. */
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

  /** Returns true where the client is now connected nowhere at all. */
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
    // After the time of one lease the expired lease itself has told everybody.
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

  /** Runs at the first client, because a process without clients is no gateway and has no lease to renew. */
  #start({ connection, subject, leaseMs, clock }: PresenceWire): void {
    if (this.#stopLease !== undefined) return;
    this.#stopLease = clock.every(leaseMs / BEATS_PER_LEASE, () => {
      this.#tell({ kind: 'lease', ...this.#state(leaseMs) });
    });
    // Listen for questions before telling anything that somebody might ask about.
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

  /** Sends one list after the other, so that leases are sent in between and only one list is in memory. */
  async #tellLists(leaseMs: number): Promise<void> {
    this.#isTellingLists = true;
    for (const recipient of this.#listRecipients) {
      this.#listRecipients.delete(recipient);
      this.#tellAll(recipient, this.#state(leaseMs));
      await this.wire?.connection.flush().catch(() => undefined); // a lost connection has nothing left to flush
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
