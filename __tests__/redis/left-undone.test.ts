import { randomUUID } from 'node:crypto';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { eventually, started } from '../contracts/store-steps.js';
import { ManualClock } from '../support/manual-clock.js';
import { CLIENTS, through, type TestClient } from '../support/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis-server.js';
import { codeOf, draft, storeSettings } from '../support/store-fixtures.js';

describeWithRedis('what an instance could not do after the end of a task', () => {
  let redis: Redis;
  const clients: TestClient[] = [];
  const stores: OpenTaskStore[] = [];
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop?.();
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => redis.close());

  let refused = 0;
  /** A client that cannot take anything out of a quota while `broken` says so. */
  const breaking = (client: TestClient['client'], broken: () => boolean): TestClient['client'] =>
    through(client, async (words, sendOn) => {
      if (words[0] !== 'ZREM' || !words[1]!.includes('quota:') || !broken()) return sendOn();
      refused++;
      throw new Error('OOM command not allowed');
    });

  it.each(['by itself at its next sweep', 'by another one when it has died', 'when it stops'])(
    'is done %s',
    async (how) => {
      const prefix = `test:${randomUUID()}:`;
      let broken = true;
      const open = async (clock: ManualClock): Promise<OpenTaskStore> => {
        const client = await CLIENTS['node-redis 6']!(redis.url);
        clients.push(client);
        const wrapped = breaking(client.client, () => broken);
        const settings = storeSettings({ clock, maxTasksPerOwner: 1 });
        const store = createRedisStore({ client: wrapped, prefix, leaseMs: 1_000 })(settings);
        stores.push(store);
        return store;
      };
      const clock = new ManualClock();
      const [store, other] = [await open(new ManualClock()), await open(clock)];
      refused = 0;
      const { writer } = await started(store, { owner: 'ann', idempotencyKey: 'once' });
      await writer.finish('completed', '{}');
      await eventually(() => refused > 0);
      const start = (): Promise<unknown> => codeOf(async () => other.create(draft({ owner: 'ann' })));
      expect(await start()).toBe('TOO_MANY_TASKS');
      broken = false;
      if (how.startsWith('by itself')) await store.sweep();
      if (how.startsWith('when it stops')) await store.stop?.();
      await eventually(async () => {
        if (how.startsWith('by another')) clock.advance(100); // while the first one stands still
        return (await start()) === undefined;
      });
    },
  );
});
