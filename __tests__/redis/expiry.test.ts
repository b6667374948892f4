import { randomUUID } from 'node:crypto';
import { Keys } from '../../lib/redis/keys.js';
import { created, ended, TTL_MS } from '../../lib/testing/driver-contract/steps.js';
import { age } from '../support/redis/redis-aging.js';
import { openClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { describeWithRedis, openRedis } from '../support/redis/redis-server.js';

/** For so long nobody else is given an expired task that one instance is clearing, in ms. */
const CLEARING_MS = 30_000;

describeWithRedis('a task whose clearing is cut short', () => {
  it('is cleared the next time, and leaves nothing in any list', async () => {
    const redis = await openRedis();
    const client = await openClient(redis.url);
    const prefix = `${randomUUID()}:`;
    const one = driverOn(client, prefix);
    const { taskId } = await ended(one);
    await age(client, prefix, TTL_MS + 1);
    const send = one.port.send.bind(one.port);
    const fails = jest.spyOn(one.port, 'send').mockImplementation((commands) => {
      const isCut = commands.some(({ args }) => args[0] === 'ZREM');
      return isCut ? commands.map(() => Promise.reject(new Error('The connection is gone'))) : send(commands);
    });
    expect(await one.expire(9)).toMatchObject({ gone: [] });
    fails.mockRestore();
    await age(client, prefix, CLEARING_MS + 1);
    expect(await one.expire(9)).toMatchObject({ gone: [taskId] });
    expect(await client.command('EXISTS', `${prefix}list`, `${prefix}list:completed`)).toBe(0);
    await one.close();
    client.close();
    await redis.close();
  });

  it('holds up no other task, even where it can never be cleared', async () => {
    const redis = await openRedis();
    const client = await openClient(redis.url);
    const prefix = `${randomUUID()}:`;
    const one = driverOn(client, prefix);
    const [spoilt, other] = [await ended(one), await ended(one)];
    await age(client, prefix, TTL_MS + 1);
    await client.command('DEL', `${prefix}{${spoilt.taskId}}:task`);
    await client.command('SET', `${prefix}{${spoilt.taskId}}:task`, 'of somebody else');
    expect(await one.expire(9)).toEqual({ gone: [other.taskId], left: 2 });
    expect(await client.command('ZRANGE', `${prefix}{fleet}:ended`, '0', '-1')).toEqual([spoilt.taskId]);
    await one.close();
    client.close();
    await redis.close();
  });
});

describeWithRedis('a task that runs although the list of orphans names it', () => {
  it('leaves that list where it is found there, so that it is not looked at again and again', async () => {
    const redis = await openRedis();
    const client = await openClient(redis.url);
    const prefix = `${randomUUID()}:`;
    const one = driverOn(client, prefix);
    const { taskId } = await created(one, { handler: 'name:a' });
    const { orphans } = new Keys(prefix);
    for (const key of [orphans(), orphans('name:a')]) await client.command('ZADD', key, '0', taskId);
    expect(await one.orphans({ handlers: ['name:a'] }, 9)).toEqual([taskId]);
    await one.reindex('two', [taskId]);
    expect(await one.orphans({ handlers: ['name:a'] }, 9)).toEqual([]);
    expect(await one.orphans({ olderThanMs: 0 }, 9)).toEqual([]);
    await one.close();
    client.close();
    await redis.close();
  });
});
