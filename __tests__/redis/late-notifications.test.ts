import { randomUUID } from 'node:crypto';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { reading, started } from '../contracts/store-steps.js';
import { CLIENTS, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { storeSettings } from '../support/stores/store-fixtures.js';
import { range } from '../support/jobs/stepped-job.js';

/** A client whose listening connection hears nothing. */
const deaf = (client: TestClient['client']): TestClient['client'] =>
  new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== 'duplicate') return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
      const done = (): Promise<void> => Promise.resolve();
      const nothing = (): void => undefined;
      return () => ({
        on: nothing,
        connect: done,
        subscribe: done,
        unsubscribe: done,
        disconnect: nothing,
        destroy: nothing,
      });
    },
  });

/** Time stands still, so nothing is found by polling either. */
describeWithRedis('an instance that a notification has not reached', () => {
  let redis: Redis;
  const clients: TestClient[] = [];
  const stores: OpenTaskStore[] = [];
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(async () => {
    for (const store of stores) await store.stop?.();
    for (const client of clients) client.close();
    await redis.close();
  });

  it.each(Object.entries(CLIENTS))(
    'still gives a client that comes from another instance its missing events: %s',
    async (_, open) => {
      const prefix = `test:${randomUUID()}:`;
      const [store, peer] = await Promise.all(
        [(client: TestClient['client']) => client, deaf].map(async (wrap) => {
          const client = await open(redis.url);
          clients.push(client);
          const opened = createRedisStore({ client: wrap(client.client), prefix })(storeSettings());
          stores.push(opened);
          return opened;
        }),
      );
      const { taskId, writer } = await started(store!);
      const early = await reading(peer!, taskId); // from here on the peer has a copy
      for (const n of range(1, 20)) await writer.append(undefined, String(n));
      const returning = (await reading(peer!, taskId, { position: 20 })).drain();
      expect(returning.others).toEqual([]);
      expect(early.drain().seqs).toEqual(range(1, 20));
      await writer.finish('completed', '{}');
      const late = await (await reading(peer!, taskId, { position: 20 })).untilFinished();
      expect(late.seqs).toEqual([21]);
      for (const reader of [early, returning, late]) reader.close();
    },
  );
});
