import { TaskError } from '../core/errors.js';

/** One command as its words; `key` is the key (or channel) that decides which node of a cluster gets it. */
export interface Command {
  readonly key: string;
  readonly args: readonly string[];
}

/** What the store needs of a client, whichever it is. */
export interface RedisPort {
  /** A command would be sent now rather than wait for a connection. */
  readonly ready: boolean;
  /** Commands for different nodes may not travel together. */
  readonly cluster: boolean;
  /** Sends the commands in order, in one write where the client can; one promise each. */
  send(commands: readonly Command[]): Promise<unknown>[];
  /** Returns how to listen no more: the client outlives the store. */
  onReady(listener: () => void): () => void;
  /** A connection of its own that listens to channels; the caller closes it. */
  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener;
}

export interface RedisListener {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

/** Both clients are; their own types for it differ. */
interface Emitter {
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
}

interface IoredisPipeline {
  call(command: string, ...args: string[]): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** What the store uses of a client of ioredis 5 or 6: `Redis` or `Cluster`. */
export interface IoredisLike {
  readonly status: string;
  readonly isCluster?: boolean;
  readonly options?: object;
  call(command: string, ...args: string[]): Promise<unknown>;
  pipeline(): object;
  duplicate(): object;
}

interface IoredisSubscriber extends Emitter {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

/** What the store uses of a client of node-redis 5 or 6: of `createClient` or `createCluster`. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  /** Not there on a cluster. */
  readonly isReady?: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  duplicate(): object;
}

interface NodeRedisSubscriber extends Emitter {
  connect(): Promise<unknown>;
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  destroy(): unknown;
}

type SendToNode = (args: readonly string[]) => Promise<unknown>;
type SendToCluster = (firstKey: string, isReadonly: boolean, args: readonly string[]) => Promise<unknown>;

/** @throws TaskError `INVALID_OPTION` for anything but a client of ioredis or node-redis */
export function openPort(client: IoredisLike | NodeRedisLike): RedisPort {
  const given = client as Partial<IoredisLike & NodeRedisLike> | undefined;
  if (typeof given?.sendCommand === 'function' && typeof given.isOpen === 'boolean') return new NodeRedisPort(given);
  if (typeof given?.call === 'function' && typeof given.pipeline === 'function') return new IoredisPort(given);
  throw new TaskError('INVALID_OPTION', 'Expected client to be a client of ioredis or node-redis');
}

const ignore = (): void => undefined;

class IoredisPort implements RedisPort {
  readonly cluster: boolean;
  readonly #client: IoredisLike & Emitter;

  constructor(client: Partial<IoredisLike>) {
    this.#client = client as IoredisLike & Emitter;
    this.cluster = this.#client.isCluster === true;
    if ((this.#client.options as { keyPrefix?: string } | undefined)?.keyPrefix) {
      throw new TaskError('INVALID_OPTION', 'Expected client to have no keyPrefix: give the store its own prefix');
    }
  }

  /** A lazy client connects with its first command. */
  get ready(): boolean {
    return this.#client.status === 'ready' || this.#client.status === 'wait';
  }

  send(commands: readonly Command[]): Promise<unknown>[] {
    if (this.cluster || commands.length === 1) {
      return commands.map(({ args: [name = '', ...rest] }) => this.#client.call(name, ...rest));
    }
    const pipeline = this.#client.pipeline() as IoredisPipeline;
    for (const {
      args: [name = '', ...rest],
    } of commands)
      pipeline.call(name, ...rest);
    const replies = pipeline.exec();
    return commands.map(async (_, index) => {
      const [error, result] = (await replies)?.[index] ?? [new TaskError('STORE_UNAVAILABLE', 'The pipeline is gone')];
      if (error) throw error;
      return result;
    });
  }

  onReady(listener: () => void): () => void {
    this.#client.on('ready', listener);
    return () => {
      this.#client.off('ready', listener);
    };
  }

  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener {
    const subscriber = this.#client.duplicate() as IoredisSubscriber;
    subscriber.on('error', ignore); // it connects again by itself; meanwhile polling does its work
    subscriber.on('message', onMessage);
    subscriber.on('ready', onReady);
    return {
      subscribe: (channel) => subscriber.subscribe(channel),
      unsubscribe: (channel) => subscriber.unsubscribe(channel),
      close: () => subscriber.disconnect(),
    };
  }
}

class NodeRedisPort implements RedisPort {
  readonly cluster: boolean;
  readonly #client: NodeRedisLike & Emitter;

  constructor(client: Partial<NodeRedisLike>) {
    this.#client = client as NodeRedisLike & Emitter;
    this.cluster = this.#client.isReady === undefined;
  }

  get ready(): boolean {
    return this.#client.isReady ?? this.#client.isOpen;
  }

  /** The client writes what it is given in one tick together. */
  send(commands: readonly Command[]): Promise<unknown>[] {
    const { sendCommand } = this.#client as { sendCommand: unknown };
    if (this.cluster) {
      const send = (sendCommand as SendToCluster).bind(this.#client);
      return commands.map(({ key, args }) => send(key, false, args));
    }
    const send = (sendCommand as SendToNode).bind(this.#client);
    return commands.map(({ args }) => send(args));
  }

  onReady(listener: () => void): () => void {
    this.#client.on('ready', listener);
    return () => {
      this.#client.off('ready', listener);
    };
  }

  listen(onMessage: (channel: string, message: string) => void, onReady: () => void): RedisListener {
    const subscriber = this.#client.duplicate() as NodeRedisSubscriber;
    subscriber.on('error', ignore); // it connects again by itself; meanwhile polling does its work
    subscriber.on('ready', onReady);
    const connected = subscriber.connect();
    connected.catch(ignore);
    const onChannel = (message: string, channel: string): void => {
      onMessage(channel, message);
    };
    return {
      subscribe: (channel) => connected.then(() => subscriber.subscribe(channel, onChannel)),
      unsubscribe: (channel) => connected.then(() => subscriber.unsubscribe(channel)),
      close: () => {
        try {
          subscriber.destroy();
        } catch {
          // It was closed already.
        }
      },
    };
  }
}
