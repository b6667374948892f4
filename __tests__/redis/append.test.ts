import { randomUUID } from 'node:crypto';
import type { Entry } from '../../lib/distributed/port/stored.js';
import { append, batchOf, created, entryAfter } from '../../lib/testing/driver-contract/steps.js';
import { openClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';

describeWithRedisServer('an append to Redis', () => {
  it('puts a message together only where another instance follows the task', async () => {
    const redis = await RedisServer.start();
    const clients = [await openClient(redis.url), await openClient(redis.url)] as const;
    const prefix = `${randomUUID()}:`;
    const [one, two] = [driverOn(clients[0], prefix), driverOn(clients[1], prefix, { instance: 'two' })];
    const { taskId } = await created(one);
    const published = async (): Promise<number> => {
      const told = String(await clients[1].command('INFO', 'commandstats'));
      return Number(/cmdstat_publish:calls=(\d+)/.exec(told)?.[1] ?? 0);
    };
    const first = entryAfter({ token: 0, seq: 0, bytes: 0 }, ['1']);
    expect(await append(one, batchOf(taskId, [first]))).toEqual({ kind: 'committed' });
    expect(await published()).toBe(0);

    let hear: (entries: readonly Entry[] | undefined) => void = () => undefined;
    const heard = new Promise<readonly Entry[] | undefined>((resolve) => (hear = resolve));
    const listener = { appended: (_: string, entries: readonly Entry[] | undefined) => hear(entries) };
    const notifications = two.listen({ ...listener, noted: () => undefined, missed: () => undefined });
    await notifications.follow(taskId);
    await append(one, batchOf(taskId, [entryAfter(first.place, ['2'])]));
    expect(await heard).toEqual([entryAfter(first.place, ['2'])]);
    expect(await published()).toBe(1);
    notifications.close();
    await Promise.all([one.close(), two.close()]);
    for (const client of clients) client.close();
    await redis.close();
  });
});
