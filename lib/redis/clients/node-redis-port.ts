import type { Command, RedisListener, RedisPort, RedisProbe } from './client-port.js';

/** Drives node-redis 5 and 6: `createClient`, `createCluster` and `createSentinel`. */

/** The part of a node-redis client that the store uses. */
export interface NodeRedisLike {
  /** True once the client has been told to connect. */
  readonly isOpen: boolean;
  /** Missing on a cluster of node-redis 5. */
  readonly isReady?: boolean;
  /** Sends one command. */
  sendCommand(...args: never[]): Promise<unknown>;
  /** Makes a client with the same options, on which the store listens. */
  duplicate(): object;
  /** Opens the connection. */
  connect(): Promise<unknown>;
  /** Cuts the connection at once. */
  destroy(): unknown;
}

interface Client extends NodeRedisLike {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  sendCommand(...args: unknown[]): Promise<unknown>;
  duplicate(): Client;
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<Client>;
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
}

const ignore = (): void => undefined;

export class NodeRedisPort implements RedisPort {
  readonly cluster: boolean;
  readonly #client: Client;

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
    const { client, connected } = this.#duplicate();
    client.on('ready', onReady);
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

  probe(key: string): RedisProbe {
    const { client, connected } = this.#duplicate();
    return {
      answered: connected.then(() => this.#send(client, { key, args: ['EXISTS', key] })),
      close: () => {
        void destroy(client);
      },
    };
  }

  reconnect(): Promise<unknown> {
    return destroy(this.#client).then(() => this.#client.connect());
  }

  #send(client: Client, { key, args }: Command): Promise<unknown> {
    if (this.kind === 'single') return client.sendCommand(args);
    return this.cluster ? client.sendCommand(key, false, args) : client.sendCommand(false, args);
  }

  #duplicate(): { client: Client; connected: Promise<unknown> } {
    const client = this.#client.duplicate();
    client.on('error', ignore); // it connects again by itself, and whoever waits has a time-out
    const connected = client.connect();
    connected.catch(ignore);
    return { client, connected };
  }
}

/** Never fails: the client may be closed already. */
async function destroy(client: Client): Promise<void> {
  try {
    await client.destroy();
  } catch {
    return;
  }
}
