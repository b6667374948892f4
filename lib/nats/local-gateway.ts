import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Clock } from '../core/clock.js';
import type { ClientDirectory, Gateway } from './client-directory.js';
import { parseSyncRequest, type Change, type PresenceMessage } from './presence-message.js';
import { randomToken } from './subject.js';

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
/** The most that one message of a whole list carries; ids are short, and every server takes this. */
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
  #questions: Subscription | undefined;
  #stopLease: (() => void) | undefined;
  #stopped = false;

  constructor(
    readonly directory: ClientDirectory,
    readonly wire: PresenceWire | undefined,
  ) {}

  markOnline(id: string): void {
    if (this.directory.add(id, this.gateway)) this.#changed([1, id]);
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
    this.#questions?.unsubscribe();
    this.#tell({ kind: 'bye', gateway: this.gateway.id });
    // A closed connection has told as much as it will; the lease does the rest.
    await this.wire.connection.flush().catch(() => undefined);
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
    };
    attempt(() => {
      this.#questions = connection.subscribe(`${subject}.sync`, { callback });
    });
  }

  #answer(msg: Msg, leaseMs: number): void {
    const { gateway = this.gateway.id, version } = parseSyncRequest(msg.string());
    if (gateway !== this.gateway.id || msg.reply === undefined || msg.reply === '') return;
    const state = this.#state(leaseMs);
    const missed = version === undefined ? Infinity : state.version - version;
    if (missed >= 0 && missed <= this.#recent.length) {
      const changes = this.#recent.slice(this.#recent.length - missed);
      const from = state.version - missed;
      this.#tell({ kind: 'since', ...state, from, changes }, msg.reply);
    } else {
      this.#tellAll(msg.reply, state);
    }
  }

  #tellAll(to: string, state: State): void {
    let ids: string[] = [];
    let bytes = 0;
    let part = 0;
    for (const id of this.directory.clientsOf(this.gateway)) {
      ids.push(id);
      bytes += id.length + 3;
      if (bytes < LIST_BYTES) continue;
      this.#tell({ kind: 'all', ...state, part: part++, last: false, ids }, to);
      [ids, bytes] = [[], 0];
    }
    this.#tell({ kind: 'all', ...state, part, last: true, ids }, to);
  }

  #state(leaseMs: number): State {
    return { gateway: this.gateway.id, version: this.gateway.version, leaseMs };
  }

  #tell(message: PresenceMessage, to = this.wire?.subject): void {
    if (to !== undefined) attempt(() => this.wire?.connection.publish(to, JSON.stringify(message)));
  }
}

/** A connection that is closed or drains refuses. The lease that is not renewed says what could not be said. */
export function attempt(use: () => void): void {
  try {
    use();
  } catch {
    // See above.
  }
}
