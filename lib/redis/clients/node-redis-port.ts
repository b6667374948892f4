/** Drives node-redis 5 and 6: `createClient`, `createCluster` and `createSentinel`. */
import { ignore } from '../../core/optional-promise.js';
import type { Command, RedisListener, RedisPort, RedisProbe } from './client-port.js';
import { MasterListener, pickMaster } from './master-listener.js';

/** The part of a node-redis client that the store uses. */
export interface NodeRedisLike {
  /** True once the client has been told to connect. */
  readonly isOpen: boolean;
  /** Missing on a cluster of node-redis 5. */
  readonly isReady?: boolean;
  /** Sends one command. */
  sendCommand(...args: never[]): Promise<unknown>;
  /** Makes a client with the same options, on which the store listens. Missing on `createSentinel` of node-redis 5. */
  duplicate?(): object;
  /** Opens the connection. */
  connect(): Promise<unknown>;
  /** Cuts the connection at once. */
  destroy(): unknown;
}

/** Describes the connections that the store opens beside the client of the application. */
interface Connection {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
  sendCommand(...args: unknown[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  duplicate(): Connection;
}

interface Client extends NodeRedisLike, Connection {
  off(event: string, listener: (...args: never[]) => void): unknown;
  sendCommand(...args: unknown[]): Promise<unknown>;
  duplicate(): Connection;
  /** Of a cluster. */
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<Connection>;
  /** Of a sentinel: hands over its own connection to the master, once it has found one. */
  _execute<T>(isReadonly: boolean, act: (master: Connection) => Promise<T>): Promise<T>;
}

export class NodeRedisPort implements RedisPort {
  readonly cluster: boolean;
  readonly #client: Client;
  /** Stands for the store's last attempt to open the client anew, until it has succeeded or the application has closed the client. */
  #attempt: object | undefined;

  constructor(
    client: NodeRedisLike,
    readonly kind: 'single' | 'cluster' | 'sentinel',
  ) {
    this.#client = client as Client;
    this.cluster = kind === 'cluster';
  }

  get ready(): boolean {
    return this.#client.isReady ?? this.#client.isOpen;
  }

  /** The client writes what it is given in one tick together. */
  send(commands: readonly Command[]): Promise<unknown>[] {
    return commands.map((command) => this.#send(this.#client, command));
  }

  sendTo(master: number, args: readonly string[]): Promise<unknown> | undefined {
    if (!this.cluster) return master > 0 ? undefined : this.#send(this.#client, { key: '', args });
    const node = this.#client.masters[master];
    return node && this.#client.nodeClient(node).then((client) => client.sendCommand(args));
  }

  onReady(listener: () => void): () => void {
    const event = this.cluster ? 'connect' : 'ready';
    this.#client.on(event, listener);
    return () => this.#client.off(event, listener);
  }

  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener {
    if (this.kind === 'single') return listenOn(this.#client.duplicate(), onMessage, onReady);
    const open = async (): Promise<RedisListener> => listenOn(await this.#duplicateMaster(), onMessage, onReady);
    return new MasterListener(open, this.ready, (listener) => this.#onFound(listener));
  }

  probe(key: string): RedisProbe {
    const opening = this.#duplicate();
    const ask = async (): Promise<unknown> => {
      const client = await opening;
      await client.connect();
      return this.#send(client, { key, args: ['EXISTS', key] });
    };
    return {
      answered: ask(),
      close: () => {
        opening.then(destroy, ignore);
      },
    };
  }

  /** A client that the application has closed stays closed. */
  async reconnect(): Promise<unknown> {
    if (!this.#client.isOpen && this.#attempt === undefined) return undefined;
    const attempt = {};
    this.#attempt = attempt;
    await destroy(this.#client);
    return this.#attempt === attempt ? this.#connect(attempt) : undefined;
  }

  /**
   * A client that gives up connecting may be told to connect again, one that is closed by its application may not. Sentinel's
   * ends either way, but only fails in the first case; the others may fail either way, but only end in the second.
   */
  async #connect(attempt: object): Promise<unknown> {
    const event = this.cluster ? 'disconnect' : 'end';
    const conclude = (): void => {
      this.#client.off(event, conclude);
      if (this.#attempt === attempt) this.#attempt = undefined;
    };
    if (this.kind !== 'sentinel') this.#client.on(event, conclude);
    try {
      const connected = await this.#client.connect();
      conclude();
      return connected;
    } finally {
      this.#client.off(event, conclude);
    }
  }

  #send(client: Connection, { key, args }: Command): Promise<unknown> {
    if (this.kind === 'single') return client.sendCommand(args);
    return this.cluster ? client.sendCommand(key, false, args) : client.sendCommand(false, args);
  }

  /** The sentinel client of node-redis 5 cannot be duplicated, but leaves a master that hangs by itself. */
  async #duplicate(): Promise<Connection> {
    const client = 'duplicate' in this.#client ? this.#client.duplicate() : await this.#duplicateMaster();
    client.on('error', ignore);
    return client;
  }

  /** A connection, not open yet, to the master that Sentinel has named, or to one of those of a cluster. */
  async #duplicateMaster(): Promise<Connection> {
    if (!this.cluster) return this.#client._execute(false, (master) => Promise.resolve(master.duplicate()));
    return (await this.#client.nodeClient(pickMaster(this.#client.masters))).duplicate();
  }

  #onFound(listener: () => void): () => void {
    if (this.cluster) return this.onReady(listener);
    const onChange = ({ type }: { type: string }): void => {
      if (type === 'MASTER_CHANGE') listener();
    };
    this.#client.on('topology-change', onChange);
    return () => this.#client.off('topology-change', onChange);
  }
}

function listenOn(
  client: Connection,
  onMessage: (channel: string, message: string) => void,
  onReady: () => void,
): RedisListener {
  client.on('error', ignore); // it connects again by itself, and whoever waits has a time-out
  client.on('ready', onReady);
  const connected = client.connect();
  connected.catch(ignore);
  const onChannel = (message: string, channel: string): void => {
    onMessage(channel, message);
  };
  return {
    subscribe: (channel) => connected.then(() => client.subscribe(channel, onChannel)),
    unsubscribe: (channel) => connected.then(() => client.unsubscribe(channel)),
    close: () => {
      void destroy(client);
    },
  };
}

/** Never fails: the client may be closed already. */
async function destroy(client: Connection): Promise<void> {
  try {
    await client.destroy();
  } catch {
    return;
  }
}
