/** The clients of all other processes, as this process knows them. */
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { ClientDirectory, Gateway } from './client-directory.js';
import { unlessClosed } from '../connection.js';
import { BEATS_PER_LEASE, type PresenceWire } from './local-gateway.js';
import { parsePresenceMessage, type Change, type PresenceMessage } from './presence-protocol.js';
import { randomKey } from '../../core/task/random-key.js';

interface Remote extends Gateway {
  heardAtMs: number;
  leaseMs: number;
  /** True where it has been asked for missing changes since its last lease. */
  asked: boolean;
  /** The clients that the list under way has named so far. Undefined where no known client could be missing from it. */
  listed: Set<string> | undefined;
  nextPart: number;
  /** The version of the list under way. */
  listVersion: number;
}

/** Checks of all leases per lease. */
const CHECKS_PER_LEASE = 16;
/** The share of a lease after which silence ends it, so that the check after it still falls within the lease. */
const SILENT_PART = 0.9;

/** Keeps track of the clients of all other processes: it asks for lost messages, and drops processes that fall silent. */
export class RemoteGateways {
  readonly #gateways = new Map<string, Remote>();
  #subscriptions: Subscription[] = [];
  #stopChecking: (() => void) | undefined;
  #inbox = '';
  #startedAtMs = 0;
  #checkedAtMs = 0;
  /** True where NATS said that nobody is there to answer. */
  #alone = false;
  #resolveReady: (() => void) | undefined;
  #rejectReady: ((error: Error) => void) | undefined;

  /**
   * @param self the gateway of this process, whose own messages come back and are ignored
   * @param gone called with a client that is no longer connected anywhere
   */
  constructor(
    readonly directory: ClientDirectory,
    readonly wire: PresenceWire,
    readonly self: Gateway,
    readonly gone: (id: string) => void,
  ) {}

  get isListening(): boolean {
    return this.#stopChecking !== undefined;
  }

  /**
   * Resolves when the clients of all living gateways are known: at once where there is none, otherwise within a lease.
   * Rejects where the connection is lost meanwhile or may not subscribe.
   */
  async start(inboxPrefix: string): Promise<void> {
    const { connection, subject, clock, leaseMs } = this.wire;
    this.#inbox = `${inboxPrefix}.${randomKey()}`;
    this.#alone = false;
    const callback = (error: Error | null, msg: Msg): void => {
      if (error === null) this.#receive(msg);
      else this.#rejectReady?.(error);
    };
    const ready = new Promise<void>((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    ready.catch(() => undefined); // it may reject before anybody waits for it
    this.#subscriptions = [subject, this.#inbox].map((name) => connection.subscribe(name, { callback }));
    this.#startedAtMs = this.#checkedAtMs = clock.now();
    this.#stopChecking = clock.every(leaseMs / CHECKS_PER_LEASE, () => this.#checkLeases());
    await connection.flush(); // every change published from here on arrives
    this.#ask({});
    return ready;
  }

  /**
   * Notes a request of one of the gateway's clients, sent when its changes were at `version`. It proves that the client
   * is online, unless a later change has already said that it went offline.
   */
  seen(gateway: string, version: number, id: string): void {
    if (gateway === this.self.id || !this.isListening) return;
    const remote = this.#known(gateway);
    if (remote.version === undefined || remote.version < version) this.directory.add(id, remote);
    if (remote.version === undefined) this.#askOnce(remote);
  }

  stop(): void {
    this.#stopChecking?.();
    this.#stopChecking = undefined;
    this.#resolveReady?.();
    for (const subscription of this.#subscriptions) unlessClosed(() => subscription.unsubscribe());
  }

  #receive(msg: Msg): void {
    if (msg.headers?.code === 503) {
      this.#alone = true;
      this.#checkReady();
      return;
    }
    const message = parsePresenceMessage(msg.string());
    if (message === undefined || message.gateway === this.self.id) return;
    if (message.kind === 'stopped') {
      this.#forget(message.gateway);
      return;
    }
    const remote = this.#known(message.gateway);
    remote.heardAtMs = this.wire.clock.now();
    this.#apply(remote, message);
    this.#checkReady();
  }

  #apply(remote: Remote, message: Exclude<PresenceMessage, { kind: 'stopped' }>): void {
    const { kind, version } = message;
    if (kind !== 'change') remote.leaseMs = message.leaseMs;
    switch (kind) {
      case 'change':
        if (remote.version !== undefined && version <= remote.version) return; // an answer has already told it
        this.#change(remote, message.change);
        if (remote.version === version - 1) remote.version = version;
        else this.#askOnce(remote);
        return;
      case 'lease':
        remote.asked = false;
        if (remote.version !== version) this.#askOnce(remote);
        return;
      case 'since':
        if (remote.version !== message.from) return;
        for (const change of message.changes) this.#change(remote, change);
        remote.version = version;
        return;
      case 'all':
        this.#list(remote, message);
    }
  }

  #change(remote: Remote, [online, id]: Change): void {
    if (online === 1) this.directory.add(id, remote);
    else if (this.directory.delete(id, remote)) this.gone(id);
  }

  /** Applies one part of a whole list. Known clients that are missing from the complete list are offline. */
  #list(remote: Remote, { part, last, ids, version }: Extract<PresenceMessage, { kind: 'all' }>): void {
    if (part === 0) remote.listed = remote.clients > 0 ? new Set() : undefined;
    else if (part !== remote.nextPart || version !== remote.listVersion) return; // a part was lost, and the next lease asks again
    remote.nextPart = part + 1;
    remote.listVersion = version;
    for (const id of ids) {
      this.directory.add(id, remote);
      remote.listed?.add(id);
    }
    if (!last) return;
    const { listed } = remote;
    remote.listed = undefined;
    remote.version = version;
    if (listed !== undefined) this.#remove(remote, (id) => !listed.has(id));
  }

  #remove(remote: Remote, isGone: (id: string) => boolean): void {
    const leaving = [...this.directory.clientsOf(remote)].filter(isGone);
    for (const id of leaving) if (this.directory.delete(id, remote)) this.gone(id);
  }

  #forget(gateway: string): void {
    const remote = this.#gateways.get(gateway);
    if (remote === undefined) return;
    this.#gateways.delete(gateway);
    this.#remove(remote, () => true);
  }

  #known(gateway: string): Remote {
    let remote = this.#gateways.get(gateway);
    if (remote === undefined) {
      const { clock, leaseMs } = this.wire;
      const fresh = {
        id: gateway,
        version: undefined,
        clients: 0,
        asked: false,
        listed: undefined,
        nextPart: 0,
        listVersion: 0,
      };
      remote = { ...fresh, heardAtMs: clock.now(), leaseMs };
      this.#gateways.set(gateway, remote);
    }
    return remote;
  }

  #askOnce(remote: Remote): void {
    if (remote.asked) return;
    remote.asked = true;
    this.#ask({ gateway: remote.id, ...(remote.version !== undefined && { version: remote.version }) });
  }

  #ask(question: object): void {
    const { connection, subject } = this.wire;
    unlessClosed(() => connection.publish(`${subject}.sync`, JSON.stringify(question), { reply: this.#inbox }));
  }

  #checkLeases(): void {
    const { clock, leaseMs } = this.wire;
    const now = clock.now();
    // If this process stood still, messages wait unread and the gateways were not silent.
    const stalledMs = Math.max(0, now - this.#checkedAtMs - (2 * leaseMs) / CHECKS_PER_LEASE);
    this.#checkedAtMs = now;
    for (const remote of [...this.#gateways.values()]) {
      remote.heardAtMs += stalledMs;
      if (now - remote.heardAtMs > remote.leaseMs * SILENT_PART) this.#forget(remote.id);
    }
    this.#checkReady();
  }

  #checkReady(): void {
    const { clock, leaseMs } = this.wire;
    const waitedMs = clock.now() - this.#startedAtMs;
    const complete = [...this.#gateways.values()].every(({ version }) => version !== undefined);
    const heardAll = this.#alone || waitedMs >= leaseMs / BEATS_PER_LEASE;
    if ((complete && heardAll) || waitedMs >= leaseMs) this.#resolveReady?.();
  }
}
