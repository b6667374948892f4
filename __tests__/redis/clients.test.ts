import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { Cluster as Cluster5, Redis as Ioredis5 } from 'ioredis5';
import { Redis as Ioredis6 } from 'ioredis6';
import { createClient as createClient5, createClientPool as createPool5 } from 'redis5';
import { createClient as createClient6, createClientPool as createPool6 } from 'redis6';
import { START } from '../../lib/distributed/port/stored.js';
import type { IoredisLike } from '../../lib/redis/index.js';
import { openPort } from '../../lib/redis/clients/open-port.js';
import { append, batchOf, created, draft, entryAfter, stored } from '../contracts/driver-steps.js';
import { CLIENTS, openClient } from '../support/redis/redis-clients.js';
import { driverOn, persist } from '../support/redis/redis-drivers.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

const ignore = (): void => undefined;
const lazy = { lazyConnect: true };

describe('a client that the store cannot work with is refused by name', () => {
  it.each([
    ['nothing', undefined, 'ioredis or node-redis'],
    ['a URL', 'redis://:secret@127.0.0.1', 'ioredis or node-redis, got a text'],
    ['a pipeline of ioredis', new Ioredis5(lazy).pipeline(), 'ioredis or node-redis'],
    ['ioredis with a keyPrefix', new Ioredis5({ ...lazy, keyPrefix: 'a:' }), 'keyPrefix'],
    ['ioredis that reads from replicas', new Cluster5([{ port: 1 }], { ...lazy, scaleReads: 'slave' }), 'scaleReads'],
    ['a pool of node-redis 5', createPool5(), 'a client other than a pool'],
    ['a pool of node-redis 6', createPool6(), 'a client other than a pool'],
  ])('%s', (_, client, word) => {
    expect(() => openPort(client as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(word) as string }),
    );
  });
});

const bySentinel = { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main', sentinelRetryStrategy: () => 1 };

it.each([
  ['ioredis 5', () => new Ioredis5(bySentinel)],
  ['ioredis 6', () => new Ioredis6(bySentinel)],
])('a client that connects by Sentinel is not ended by being told to connect again: %s', async (_, open) => {
  const client = open() as unknown as EventEmitter & IoredisLike;
  let failures = 0;
  let hasEnded = false;
  client.on('error', () => failures++);
  client.on('end', () => (hasEnded = true));
  await openPort(client).reconnect();
  await until(() => hasEnded || failures > 1);
  expect(hasEnded).toBe(false);
  client.disconnect();
});

/** Clients that answer in another way than those of `CLIENTS`; how each is opened and closed. */
const UNUSUAL: Record<string, (url: string) => Promise<{ client: object; close: () => void }>> = {
  'ioredis 5 with stringNumbers': async (url) => ioredis(new Ioredis5(url, { stringNumbers: true })),
  'ioredis 6 with stringNumbers': async (url) => ioredis(new Ioredis6(url, { stringNumbers: true })),
  'ioredis 5 without a queue': async (url) => ioredis(new Ioredis5(url, { enableOfflineQueue: false })),
  'ioredis 5 that pipelines by itself': async (url) => ioredis(new Ioredis5(url, { enableAutoPipelining: true })),
  'node-redis 5 with RESP3': async (url) => nodeRedis(await createClient5({ url, RESP: 3 }).connect()),
  'node-redis 6 with RESP2': async (url) => nodeRedis(await createClient6({ url, RESP: 2 }).connect()),
  'node-redis 5 with buffers': async (url) => {
    const client = await createClient5({ url }).connect();
    return { ...nodeRedis(client), client: client.withTypeMapping({ 36: Buffer, 43: Buffer }) };
  },
  'node-redis 6 with buffers and text for numbers': async (url) => {
    const client = await createClient6({ url }).connect();
    return { ...nodeRedis(client), client: client.withTypeMapping({ 36: Buffer, 58: String }) };
  },
};

interface Closable {
  on(event: 'error', listener: () => void): unknown;
}

function ioredis(client: Closable & { disconnect(): void }): { client: object; close: () => void } {
  client.on('error', ignore);
  return { client, close: () => client.disconnect() };
}

function nodeRedis(client: Closable & { destroy(): void }): { client: object; close: () => void } {
  client.on('error', ignore);
  return { client, close: () => client.destroy() };
}

describeWithRedisServer('what a client changes about answers changes nothing', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());

  it.each(Object.entries(UNUSUAL))('%s', async (_, open) => {
    const opened = await open(redis.url);
    const driver = driverOn({ client: opened.client as never }, `${randomUUID()}:`, { maxTasksPerOwner: 2 });
    const task = await persist(() => created(driver, { owner: 'ann' }));
    await created(driver, { owner: 'ann' });
    expect(await driver.create(draft({ owner: 'ann' }), 'one')).toEqual({ taken: 'quota' });
    const entry = entryAfter(START, ['{"n":"ü"}', '{"n":2}']);
    expect(await append(driver, batchOf(task.taskId, [entry]))).toEqual({ kind: 'committed' });
    expect(await driver.readAfter(task.taskId, START, 9)).toEqual([entry]);
    expect(await stored(driver, task.taskId)).toMatchObject({ top: entry.place, progress: '{"n":2}' });
    expect(await driver.beat({ instance: 'one', leaseMs: 7, schema: 2 })).toEqual([
      { instance: 'one', leaseMs: 7, schema: 2, count: 1 },
    ]);
    let heard = 0;
    const notifications = driver.listen({ appended: () => heard++, noted: ignore, missed: ignore });
    await persist(() => notifications.follow(task.taskId));
    await append(driver, batchOf(task.taskId, [entryAfter(entry.place, ['3'])]));
    await until(() => heard > 0);
    notifications.close();
    await driver.close();
    opened.close();
  });

  it.each(Object.entries(CLIENTS))(
    'notifications reach all followers that subscribe at the same time: %s',
    async (_, open) => {
      const listeners = await Promise.all(
        Array.from({ length: 20 }, async (_each, n) => {
          const opened = await open(redis.url);
          const driver = driverOn(opened, 'crowd:', { instance: `i${n}` });
          const heard: string[] = [];
          const noted = (note: { kind: string; nonce?: string }): void => void heard.push(note.nonce ?? '');
          const notifications = driver.listen({ appended: ignore, noted: noted, missed: ignore });
          return { opened, driver, notifications, heard, name: `i${n}` };
        }),
      );
      await until(async () => {
        await Promise.all(listeners.map(({ driver, name }) => driver.notify(name, { kind: 'echo', nonce: name })));
        return listeners.every(({ heard, name }) => heard.includes(name));
      });
      for (const { opened, driver, notifications } of listeners) {
        notifications.close();
        await driver.close();
        opened.close();
      }
    },
  );

  it.each(Object.entries(CLIENTS))('a client is left as it was given, with its connections: %s', async (_, open) => {
    const own = await RedisServer.start();
    const [admin, opened] = await Promise.all([openClient(own.url), open(own.url)]);
    try {
      const connections = async (): Promise<number> =>
        String(await admin.command('CLIENT', 'LIST'))
          .trim()
          .split('\n').length;
      await persist(() => opened.command('PING')); // it listens to itself until it is ready
      expect(await connections()).toBe(2);
      const emitter = opened.client as unknown as EventEmitter;
      const listeners = (): number[] => emitter.eventNames().map((event) => emitter.listenerCount(event));
      const before = listeners();
      const driver = driverOn(opened, `${randomUUID()}:`);
      const task = await persist(() => created(driver));
      const notifications = driver.listen({ appended: ignore, noted: ignore, missed: ignore });
      await persist(() => notifications.follow(task.taskId));
      expect(await connections()).toBe(3);
      notifications.close();
      await driver.close();
      await until(async () => (await connections()) === 2);
      expect(listeners()).toEqual(before);
    } finally {
      opened.close();
      admin.close();
      await own.close();
    }
  });

  it('keys of a newer schema are refused by name, and an older one is served', async () => {
    const opened = await openClient(redis.url);
    const prefix = `${randomUUID()}:`;
    await opened.command('HSET', `${prefix}{fleet}:instances`, '#schema', '1');
    const served = driverOn(opened, prefix);
    await served.beat({ instance: 'one', leaseMs: 7, schema: 2 });
    await opened.command('HSET', `${prefix}{fleet}:instances`, '#schema', '99');
    const refusal = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('schema 99') as string };
    await expect(served.beat({ instance: 'one', leaseMs: 7, schema: 2 })).rejects.toMatchObject(refusal);
    const late = driverOn(opened, prefix);
    await expect(late.create(draft(), 'one')).rejects.toMatchObject(refusal);
    await Promise.all([served.close(), late.close()]);
    opened.close();
  });
});
