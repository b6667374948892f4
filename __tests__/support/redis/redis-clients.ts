import { Redis as Ioredis5 } from 'ioredis5';
import { Redis as Ioredis6 } from 'ioredis6';
import { createClient as createClient5 } from 'redis5';
import { createClient as createClient6 } from 'redis6';
import type { IoredisLike, NodeRedisLike } from '../../../lib/redis/index.js';

/** A client of one of the libraries that the store works with. */
export interface TestClient {
  readonly client: IoredisLike | NodeRedisLike;
  /** A command beside the store. */
  command(...words: string[]): Promise<unknown>;
  close(): void;
}

export type OpenClient = (url: string) => Promise<TestClient>;

const ignore = (): void => undefined;

function fromIoredis(redis: Ioredis5 | Ioredis6): TestClient {
  redis.on('error', ignore);
  return {
    client: redis,
    command: (name = '', ...rest) => redis.call(name, ...rest),
    close: () => redis.disconnect(),
  };
}

async function fromNodeRedis(
  redis: ReturnType<typeof createClient5> | ReturnType<typeof createClient6>,
): Promise<TestClient> {
  redis.on('error', ignore);
  const connected = redis.connect();
  connected.catch(ignore);
  return {
    client: redis,
    command: (...words) => redis.sendCommand(words),
    close: () => {
      if (redis.isOpen) redis.destroy();
    },
  };
}

/** Every client that the store is tested on, not waited for: the server may be down. */
export const CLIENTS: Readonly<Record<string, OpenClient>> = {
  'ioredis 5': async (url) => fromIoredis(new Ioredis5(url)),
  'ioredis 6': async (url) => fromIoredis(new Ioredis6(url)),
  'node-redis 5': (url) => fromNodeRedis(createClient5({ url })),
  'node-redis 6': (url) => fromNodeRedis(createClient6({ url })),
};

export const openClient = CLIENTS['ioredis 5'] as OpenClient;

type SendCommand = (words: string[]) => Promise<unknown>;

/** The same client of node-redis, whose commands go through `send`; it is handed how they are sent. */
export const through = (
  client: TestClient['client'],
  send: (words: string[], sendOn: () => Promise<unknown>) => Promise<unknown>,
): TestClient['client'] =>
  new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'sendCommand') return value.bind(target) as unknown;
      return (words: string[]) => send(words, () => (value as SendCommand).call(target, words));
    },
  });
