import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../core/clock.js';
import { assertOption } from '../../core/options.js';
import { ClientDirectory } from './client-directory.js';
import { clientOffline, OfflineWatchers } from './offline-watchers.js';
import { checkConnection } from '../connection.js';
import { LocalGateway, type PresenceWire } from './local-gateway.js';
import { clockOption, inboxPrefixOption, numberOption } from '../options.js';
import { RemoteGateways } from './remote-gateways.js';
import { checkClientId, checkSubject } from '../subject.js';

export interface PresenceOptions {
  /** Yours; it is never closed here. Default: none, and presence is that of this process alone. */
  connection?: NatsConnection;
  /**
   * What gateways tell their changes on; questions go to `<subject>.sync`. The same in all processes. Default
   * `resumable-sse.presence`.
   */
  subject?: string;
  /** How long the clients of a gateway that has died count as online, at the most. Default 5_000. */
  leaseMs?: number;
  /** Where answers come in. Default `_INBOX`. */
  inboxPrefix?: string;
  /** Default: the system's. */
  clock?: Clock;
}

/** Who is online, in this process and, over NATS, in all others. Client ids are 1 to 128 visible ASCII characters without `.`, `*` and `>`. */
export interface Presence {
  /** The client is connected here. All other processes hear of it; idempotent. @throws TaskError `INVALID_CLIENT_ID` */
  markClientOnline(id: string): void;
  /** It is not any more. Nothing where it was not connected here: nobody can take the client of another gateway offline. */
  markClientOffline(id: string): void;
  /** A look into a map. An unknown id is online until the listener is ready, offline from then on. */
  isClientOnline(id: string): boolean;
  /** Calls `listener` for each client that goes offline, on whatever gateway. Returns its end. @throws TaskError `INVALID_OPTION` */
  onClientOffline(listener: (id: string) => void): () => void;
  /**
   * Aborts with TaskError `CLIENT_OFFLINE` when the client goes offline; aborted already where it is offline. Kept until
   * then. @throws TaskError `INVALID_CLIENT_ID`
   */
  signalFor(id: string): AbortSignal;
  /**
   * Follows what other processes tell. Resolves when all their clients are known, within a lease; idempotent. Rejects
   * where the connection is not there or may not subscribe, and may be called again. Nothing after `stop`.
   */
  startClientOfflineListener(): Promise<void>;
  /**
   * Its clients go offline, everywhere, and nobody comes online any more; nothing is listened to. Resolves when that is
   * told, or within a lease, which says it too. Idempotent.
   */
  stop(): Promise<void>;
}

/** Where a request comes from: says of which time the knowledge is that its client is online. */
export interface Origin {
  readonly gateway: string;
  readonly version: number;
}

/** What requester and responder need beside the public face. */
export interface PresenceNode extends Presence {
  /** It has a connection. */
  readonly isShared: boolean;
  readonly origin: Origin;
  /** A request of the client has come from there. */
  seen(origin: Origin, id: string): void;
  /** Calls `gone` once, when the client goes offline. Returns its end. */
  watch(id: string, gone: (reason: Error) => void): () => void;
}

/** Clients that went while this process does not know of all others; older ones count as unknown again. */
const MAX_KNOWN_OFFLINE = 10_000;

/** @throws TaskError `INVALID_OPTION` */
export function createPresence(options: PresenceOptions = {}): Presence {
  const { connection, subject = 'resumable-sse.presence' } = options;
  checkSubject('subject', subject);
  const inboxPrefix = inboxPrefixOption(options.inboxPrefix);
  const [leaseMs, clock] = [numberOption('leaseMs', options.leaseMs), clockOption(options.clock)];
  if (connection !== undefined) checkConnection(connection);
  return new NatsPresence(connection && { connection, subject, leaseMs, clock }, inboxPrefix);
}

/** One that other processes know of: they would take the clients of any other for gone. @throws TaskError `INVALID_OPTION` */
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
  /** Undefined when the listener is ready: from then on everyone who is unknown is offline. */
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
      this.#starting = undefined; // it may be tried again
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
