import { createRedisStore } from '../../lib/redis/index.js';
import { systemClock } from '../../lib/core/clock.js';
import { TTL_MS } from '../contracts/store-steps.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { age } from '../support/redis-aging.js';
import { openClient } from '../support/redis-clients.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { storeSettings } from '../support/store-fixtures.js';

jest.setTimeout(30_000);

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

  let stores = 0;
  describeTaskStore('Redis', async (limits) => {
    const prefix = `cluster${++stores}:`;
    const clients = [await openClient(redis.url), await openClient(redis.url)];
    const [store, peer] = clients.map(({ client }) => {
      const opened = createRedisStore({ client, prefix })(
        storeSettings({ clock: systemClock, ttlMs: TTL_MS, ...limits }),
      );
      return opened;
    });
    const aging = await openClient(redis.url);
    return {
      store: store!,
      peer: peer!,
      advance: (ms) => age(aging, prefix, ms),
      close: async () => {
        await Promise.all([store!.stop?.(), peer!.stop?.()]);
        for (const each of [...clients, aging]) each.close();
      },
    };
  });
});
