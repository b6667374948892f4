/** One Redis server for a suite, and the instances that share it. */
import { randomUUID } from 'node:crypto';
import { compileLib } from '../processes/compiled-lib.js';
import { ChildInstance } from './redis-child.js';
import { WebInstance, type InstanceOptions } from './redis-instances.js';
import { RedisServer } from './redis-server.js';

export interface SharedRedis {
  readonly url: () => string;
  /** The prefix of the test that runs now. */
  readonly prefix: () => string;
  /** Is closed after the test that has added it. */
  readonly open: { close(): Promise<void> }[];
  /** Starts an instance in a process of its own. */
  readonly child: (options?: object) => Promise<ChildInstance>;
  /** Starts an instance in this process. */
  readonly web: (options?: InstanceOptions) => Promise<WebInstance>;
}

/**
 * Starts a Redis server before the suite. Each test has a prefix of its own, and what it opens is closed after it.
 * @param name the folder of the compiled library, different from that of every other suite
 * @param shared options of all instances
 */
export function useSharedRedis(name: string, shared: InstanceOptions): SharedRedis {
  let redis: RedisServer;
  let prefix: string;
  let libUrl: string;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    libUrl = compileLib(name);
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
  });

  const added = <T extends { close(): Promise<void> }>(instance: T): T => {
    open.push(instance);
    return instance;
  };
  return {
    open,
    url: () => redis.url,
    prefix: () => prefix,
    child: async (options = {}) =>
      added(await ChildInstance.start(libUrl, redis.url, { prefix, ...shared, ...options })),
    web: async (options = {}) => added(await WebInstance.open(redis.url, { prefix, ...shared, ...options })),
  };
}
