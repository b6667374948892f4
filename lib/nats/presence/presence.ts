/** The presence of clients: who is online, in this process and in all others. */
import type { NatsConnection } from '@nats-io/transport-node';
import { systemClock, type Clock } from '../../core/clock.js';
import { assertOption, checkOptions, type OptionRules } from '../../core/check-options.js';
import { ClientDirectory } from './client-directory.js';
import { clientOffline, OfflineWatchers } from './offline-watchers.js';
import { LocalGateway, type PresenceWire } from './local-gateway.js';
import { INBOX_PREFIX, numberOption, numberRule, WIRE_RULES } from '../nats-options.js';
import { RemoteGateways } from './remote-gateways.js';
import { A_SUBJECT, checkClientId } from '../subject.js';

/** Options of `createPresence`. */
export interface PresenceOptions {
  /** Your connection, which the library never closes. Without one, presence covers this process alone. */
  connection?: NatsConnection;
  /**
   * The subject on which gateways publish their changes; questions go to `<subject>.sync`. It must be the same in all
   * processes. Default `resumable-sse.presence`.
   */
  subject?: string;
  /** The longest time for which the clients of a dead gateway still count as online, in ms. Default 5_000. */
  leaseMs?: number;
  /** The prefix of the subjects on which answers arrive. Default `_INBOX`. */
  inboxPrefix?: string;
  /** The source of time. Default: the system's. */
  clock?: Clock;
}

/**
 * Knows which clients are online, in this process and, over NATS, in all others. A client id is 1 to 128 visible ASCII
 * characters without `.`, `*` and `>`.
 *
 * @example
 * const presence = createPresence({ connection });
 * await presence.startClientOfflineListener();
 * presence.markClientOnline(clientId); // the client has connected here
 * presence.onClientOffline((id) => console.log(`${id} has left`));
 */
export interface Presence {
  /** Says that the client is connected to this process. All others learn of it. Idempotent. @throws TaskError `INVALID_CLIENT_ID` */
  markClientOnline(id: string): void;
  /**
   * Says that the client is no longer connected to this process. It does nothing for a client that was not: no process can
   * take the client of another one offline.
   */
  markClientOffline(id: string): void;
  /** Looks into a map, without a round trip. An unknown id counts as online until the listener is ready, and as offline after that. */
  isClientOnline(id: string): boolean;
  /**
   * Calls `listener` for each client that goes offline on any gateway. Returns a function that removes it.
   * @throws TaskError `INVALID_OPTION`
   */
  onClientOffline(listener: (id: string) => void): () => void;
  /**
   * Returns a signal that aborts with TaskError `CLIENT_OFFLINE` when the client goes offline, or is already aborted where
   * it is. The signal is kept until then.
   * @throws TaskError `INVALID_CLIENT_ID`
   */
  signalFor(id: string): AbortSignal;
  /**
   * Starts to follow the other processes. Resolves when all their clients are known, which takes at most one lease.
   * Rejects where the connection is missing or may not subscribe; it may then be called again. Idempotent, and without
   * effect after `stop`.
   */
  startClientOfflineListener(): Promise<void>;
  /**
   * Takes all clients of this process offline everywhere, and stops listening. Nobody comes online here any more. Resolves
   * when the others were told, and at the latest after one lease, whose end tells them too. Idempotent.
   */
  stop(): Promise<void>;
}

/** Names the gateway of a request and the version of its clients at that time, from which its client is known to be online. */
export interface Origin {
  readonly gateway: string;
  readonly version: number;
}

/** The part of a presence that requesters and responders use beside the public one. */
export interface PresenceNode extends Presence {
  /** True where it has a connection. */
  readonly isShared: boolean;
  readonly origin: Origin;
  /** Notes that a request of the client has come from `origin`, where it was therefore online. */
  seen(origin: Origin, id: string): void;
  /** Calls `gone` once, when the client goes offline. Returns a function that removes it. */
  watch(id: string, gone: (reason: Error) => void): () => void;
}

/** Remembered clients that went offline before the listener was ready. Older ones count as unknown again. */
const MAX_KNOWN_OFFLINE = 10_000;

const PRESENCE_RULES: OptionRules<PresenceOptions> = {
  ...WIRE_RULES,
  subject: A_SUBJECT,
  leaseMs: numberRule('leaseMs'),
};

/** Makes the presence of this process; one per process is enough. @throws TaskError `INVALID_OPTION` */
export function createPresence(given: PresenceOptions = {}): Presence {
  const options = checkOptions('createPresence', given, PRESENCE_RULES);
  const { connection, subject = 'resumable-sse.presence', inboxPrefix = INBOX_PREFIX, clock = systemClock } = options;
  const leaseMs = numberOption('leaseMs', options.leaseMs);
  return new NatsPresence(connection && { connection, subject, leaseMs, clock }, inboxPrefix);
}

/**
 * Accepts only a presence with a connection: other processes would take the clients of any other for offline.
 * @throws TaskError `INVALID_OPTION`
 */
export function asPresenceNode(presence: Presence): PresenceNode {
  const node = presence as PresenceNode | null | undefined;
  assertOption(node?.isShared === true, 'presence', 'made by createPresence with a connection', presence);
  return presence as PresenceNode;
}

class NatsPresence implements PresenceNode {
  readonly #directory = new ClientDirectory();
  readonly #watch = new OfflineWatchers();
  readonly #local: LocalGateway;
  readonly #remote: RemoteGateways | undefined;
  /** Becomes undefined when the listener is ready; from then on an unknown client is offline. */
  #knownOffline: Set<string> | undefined = new Set();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    wire: PresenceWire | undefined,
    readonly inboxPrefix: string,
  ) {
    this.#local = new LocalGateway(this.#directory, wire);
    this.#remote = wire && new RemoteGateways(this.#directory, wire, this.#local.gateway, (id) => this.#gone(id));
  }

  get isShared(): boolean {
    return this.#remote !== undefined;
  }

  get origin(): Origin {
    const { id, version } = this.#local.gateway;
    return { gateway: id, version };
  }

  markClientOnline(id: string): void {
    checkClientId(id);
    this.#local.markOnline(id);
  }

  markClientOffline(id: string): void {
    if (this.#local.markOffline(id)) this.#gone(id);
  }

  isClientOnline(id: string): boolean {
    if (this.#directory.has(id)) return true;
    return this.#knownOffline !== undefined && !this.#knownOffline.has(id);
  }

  onClientOffline(listener: (id: string) => void): () => void {
    assertOption(typeof listener === 'function', 'listener', 'a function', listener);
    return this.#watch.onOffline(listener);
  }

  signalFor(id: string): AbortSignal {
    checkClientId(id);
    return this.isClientOnline(id) ? this.#watch.signal(id) : AbortSignal.abort(clientOffline(id));
  }

  watch(id: string, gone: (reason: Error) => void): () => void {
    if (this.isClientOnline(id)) return this.#watch.watch(id, gone);
    gone(clientOffline(id));
    return () => undefined;
  }

  seen({ gateway, version }: Origin, id: string): void {
    this.#remote?.seen(gateway, version, id);
  }

  startClientOfflineListener(): Promise<void> {
    if (this.#stopping !== undefined) return Promise.resolve();
    return (this.#starting ??= this.#start());
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #start(): Promise<void> {
    try {
      await this.#remote?.start(this.inboxPrefix);
    } catch (error) {
      this.#remote?.stop();
      this.#starting = undefined; // so that the caller may try again
      throw error;
    }
    if (this.#stopping !== undefined) return;
    this.#knownOffline = undefined;
    for (const id of this.#watch.watched()) if (!this.#directory.has(id)) this.#watch.tell(id);
  }

  async #stop(): Promise<void> {
    this.#remote?.stop();
    const told = this.#local.stop();
    for (const id of [...this.#directory.clientsOf(this.#local.gateway)]) this.markClientOffline(id);
    this.#knownOffline = undefined;
    await told;
  }

  #gone(id: string): void {
    if (this.#knownOffline !== undefined) {
      this.#knownOffline.delete(id);
      this.#knownOffline.add(id);
      const [oldest] = this.#knownOffline;
      if (this.#knownOffline.size > MAX_KNOWN_OFFLINE && oldest !== undefined) this.#knownOffline.delete(oldest);
    }
    this.#watch.tell(id);
  }
}
