import { randomUUID } from 'node:crypto';
import type { OpenDrivers } from '../contracts/driver-steps.js';
import { describeTaskDriver } from '../contracts/task-driver.js';
import { age } from '../support/redis/redis-aging.js';
import { CLIENTS, openClient, type OpenClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

/** Opens drivers on a prefix of their own. */
const driversOn =
  (url: () => string, open: OpenClient): OpenDrivers =>
  async ({ limits = { maxEvents: 10_000, maxBytes: 2 ** 20 }, maxTasksPerOwner = Infinity } = {}) => {
    const prefix = `${randomUUID()}:`;
    const clients = [await open(url()), await open(url()), await openClient(url())] as const;
    const settings = { limits, maxTasksPerOwner, timeoutMs: 5_000 };
    const one = driverOn(clients[0], prefix, { ...settings, instance: 'one' });
    const two = driverOn(clients[1], prefix, { ...settings, instance: 'two' });
    return {
      ...{ one, two },
      advance: (ms) => age(clients[2], prefix, ms),
      close: async () => {
        await Promise.all([one.close(), two.close()]);
        for (const client of clients) client.close();
      },
    };
  };

describeWithRedisServer('on a server of its own', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());

  describe.each(Object.entries(CLIENTS))('%s', (_, open) => {
    describeTaskDriver(
      'Redis',
      driversOn(() => redis.url, open),
    );
  });
});

/** A node that has all slots refuses, as every cluster does, commands and scripts whose keys lie in several. */
describeWithRedisServer('under the rules of a cluster', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start('--cluster-enabled', 'yes');
    const probe = await openClient(redis.url);
    await probe.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await probe.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    probe.close();
  });
  afterAll(() => redis.close());

  it('refuses keys of two slots', async () => {
    const probe = await openClient(redis.url);
    await expect(probe.command('DEL', 'a', 'b')).rejects.toThrow('CROSSSLOT');
    probe.close();
  });
});
