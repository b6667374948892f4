import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/core/clock.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { TTL_MS } from '../contracts/store-steps.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { age } from '../support/redis/redis-aging.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { CLIENTS } from '../support/redis/redis-clients.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

describeWithRedis('on a real server', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  for (const [name, openClient] of Object.entries(CLIENTS)) {
    describeTaskStore(`Redis through ${name}`, async (limits) => {
      const prefix = `test:${randomUUID()}:`;
      const clients = [await openClient(redis.url), await openClient(redis.url)];
      const [store, peer] = clients.map(({ client }) => {
        const opened = createRedisStore({ client, prefix })(
          storeSettings({ clock: systemClock, ttlMs: TTL_MS, ...limits }),
        );
        return opened;
      });
      return {
        store: store!,
        peer: peer!,
        advance: (ms) => age(clients[0]!, prefix, ms),
        close: async () => {
          await Promise.all([store!.stop?.(), peer!.stop?.()]);
          for (const each of clients) each.close();
        },
      };
    });
  }
});
