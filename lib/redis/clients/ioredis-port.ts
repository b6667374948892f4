/** Drives ioredis 5 and 6: `Redis`, by Sentinel or not, and `Cluster`. */
import { ignore } from '../../core/optional-promise.js';
import type { Command, RedisListener, RedisPort, RedisProbe } from './client-port.js';
import { MasterListener, pickMaster } from './master-listener.js';

/** The part of an ioredis client that the store uses. */
export interface IoredisLike {
  /** The state of the connection, such as `ready`. */
  readonly status: string;
  /** True for a `Cluster`. */
  readonly isCluster?: boolean;
  /** The options that the client was made with. */
  readonly options?: object;
  /** Sends one command. */
  call(command: string, ...args: string[]): Promise<unknown>;
  /** Makes a pipeline, which sends several commands at once. */
  pipeline(): object;
  /** Makes a client with the same options, on which the store listens. */
  duplicate(): object;
  /** Cuts the connection; with `reconnect` the client connects again. */
  disconnect(reconnect?: boolean): void;
}

interface Pipeline {
  call(command: string, ...args: string[]): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

interface Client extends IoredisLike {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  pipeline(): Pipeline;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  duplicate(...overrides: object[]): Client;
  nodes(role: 'master'): Client[];
}

/** The states in which a client of ioredis has a connection that it can give up. */
const CONNECTED: readonly string[] = ['connect', 'ready'];

export class IoredisPort implements RedisPort {
  readonly cluster: boolean;
  readonly #client: Client;
  /** The connection was given up and is not closed yet, which a server that hangs delays. */
  #isLeaving = false;

  constructor(client: IoredisLike) {
    this.#client = client as Client;
    this.cluster = client.isCluster === true;
  }

  /** A lazy client connects with its first command. */
  get ready(): boolean {
    return !this.#isLeaving && (this.#client.status === 'ready' || this.#client.status === 'wait');
  }

  send(commands: readonly Command[]): Promise<unknown>[] {
    if (this.cluster || commands.length === 1) {
      return commands.map(({ args: [name = '', ...rest] }) => this.#client.call(name, ...rest));
    }
    const pipeline = this.#client.pipeline();
    for (const { args } of commands) pipeline.call(...(args as [string, ...string[]]));
    const replies = pipeline.exec();
    return commands.map(async (_, index) => {
      const [error, result] = (await replies)?.[index] ?? [new Error('The pipeline is gone')];
      if (error) throw error;
      return result;
    });
  }

  sendTo(master: number, [name = '', ...rest]: readonly string[]): Promise<unknown> | undefined {
    const nodes = this.cluster ? this.#client.nodes('master') : [this.#client];
    return nodes[master]?.call(name, ...rest);
  }

  onReady(listener: () => void): () => void {
    this.#client.on('ready', listener);
    return () => this.#client.off('ready', listener);
  }

  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener {
    if (!this.cluster) return listenOn(this.#client, onMessage, onReady);
    const open = (): RedisListener =>
      listenOn(pickMaster(this.#client.nodes('master')), onMessage, onReady, { retryStrategy });
    return new MasterListener(open, this.ready, (listener) => this.onReady(listener));
  }

  probe(key: string): RedisProbe {
    const options = { lazyConnect: false };
    const client = this.cluster ? this.#client.duplicate([], options) : this.#client.duplicate(options);
    client.on('error', ignore); // it connects again by itself, and whoever waits has a time-out
    return {
      answered: client.call('EXISTS', key),
      close: () => {
        client.disconnect();
      },
    };
  }

  /**
   * It tries again by itself, and waits for no node for ever. While it does so, it is left alone: behind Sentinel, a client
   * that is told to connect again while it connects ends for good.
   */
  reconnect(): Promise<unknown> {
    if (!this.#isLeaving && CONNECTED.includes(this.#client.status)) {
      this.#isLeaving = true;
      const onClose = (): void => {
        this.#isLeaving = false;
        this.#client.off('close', onClose);
      };
      this.#client.on('close', onClose);
      this.#client.disconnect(true);
    }
    return Promise.resolve();
  }
}

/** Waits as ioredis does by default. The client of a cluster passes none on: it gives up a node that it has lost, and finds another. */
const retryStrategy = (times: number): number => Math.min(times * 50, 2_000);

/**
 * The connection neither asks whether Redis is ready, nor subscribes again by itself: a subscription that overtakes the
 * former's INFO makes it fail, and the store subscribes to everything whenever the connection is ready.
 */
function listenOn(
  client: Client,
  onMessage: (channel: string, message: string) => void,
  onReady: () => void,
  overrides: object = {},
): RedisListener {
  const subscriber = client.duplicate({
    lazyConnect: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    ...overrides,
  });
  subscriber.on('error', ignore);
  subscriber.on('message', onMessage);
  subscriber.on('ready', onReady);
  return {
    subscribe: (channel) => subscriber.subscribe(channel),
    unsubscribe: (channel) => subscriber.unsubscribe(channel),
    close: () => {
      subscriber.disconnect();
    },
  };
}
