import { randomUUID } from 'node:crypto';
import { ended, TTL_MS } from '../../lib/testing/driver-contract/steps.js';
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
    await expect(one.expire(9)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    fails.mockRestore();
    await age(client, prefix, CLEARING_MS + 1);
    expect(await one.expire(9)).toMatchObject({ gone: [taskId] });
    expect(await client.command('EXISTS', `${prefix}list`, `${prefix}list:completed`)).toBe(0);
    await one.close();
    client.close();
    await redis.close();
  });
});
