import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/core/clock.js';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { finished, started } from '../contracts/store-steps.js';
import { CLIENTS, through, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

/** More than the store reads at a time. */
const TASKS = 230;

describeWithRedis('a list of tasks in Redis', () => {
  let redis: Redis;
  let client: TestClient;
  let store: OpenTaskStore;
  /** Commands that were sent so far, and what happens before one of them is. */
  let sent: string[] = [];
  let before: (name: string) => Promise<void> = async () => undefined;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    client = await CLIENTS['node-redis 6']!(redis.url);
    const watched = through(client.client, async ([name = ''], sendOn) => {
      sent.push(name);
      await before(name);
      return sendOn();
    });
    store = createRedisStore({ client: watched, prefix: `${randomUUID()}:` })(storeSettings({ clock: systemClock }));
  });
  afterEach(async () => {
    before = async () => undefined;
    await store.stop?.();
    client.close();
  });

  /** So many tasks, in the order of their ids. */
  const many = async (make: typeof started, count = TASKS): Promise<string[]> =>
    (await Promise.all(Array.from({ length: count }, () => make(store)))).map(({ taskId }) => taskId).sort();

  it('shows no task twice and misses none, whatever is started between its pages', async () => {
    const taskIds = await many(started);
    let isAdding = false;
    before = async (name) => {
      if (name !== 'ZREVRANGEBYLEX' || isAdding) return;
      isAdding = true;
      await many(started, 10);
      isAdding = false;
    };
    sent = [];
    const listed = (await store.list({ limit: 10 * TASKS })).map(({ taskId }) => taskId);
    expect(sent.filter((name) => name === 'ZREVRANGEBYLEX').length).toBeGreaterThan(TASKS / 100);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.filter((taskId) => taskIds.includes(taskId)).reverse()).toEqual(taskIds);
  });

  it('of one status costs what it shows, however many tasks have another', async () => {
    await many(async (opened) => finished(opened));
    const running = await many(started, 3);
    sent = [];
    expect((await store.list({ status: 'running', limit: 10 })).map(({ taskId }) => taskId).reverse()).toEqual(running);
    const reads = sent.filter((name) => ['ZREVRANGEBYLEX', 'EVALSHA', 'EVAL'].includes(name));
    expect(reads.filter((name) => name === 'ZREVRANGEBYLEX')).toHaveLength(1);
    expect(reads.length).toBeLessThan(10); // one look at the index, its tasks, who watches them, and signs of life
  });
});
