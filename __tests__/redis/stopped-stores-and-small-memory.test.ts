import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/core/clock.js';
import type { StoreSettings, OpenTaskStore } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { finished, reading, recordOf, started } from '../contracts/store-steps.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { codeOf, storeSettings } from '../support/stores/store-fixtures.js';

/* What an instance leaves behind, in itself and for others. */
describeWithRedis('a store that is stopped, or short of memory', () => {
  let redis: Redis;
  let prefix: string;
  const clients: TestClient[] = [];
  const stores: OpenTaskStore[] = [];
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop?.();
    for (const client of clients.splice(0)) client.close();
  });

  async function open(changed: Partial<StoreSettings> = {}): Promise<OpenTaskStore> {
    const client = await openClient(redis.url);
    clients.push(client);
    const store = createRedisStore({ client: client.client, prefix })(
      storeSettings({ clock: systemClock, ...changed }),
    );
    stores.push(store);
    return store;
  }

  it('removes its subscribers from the counts, whether or not they have left', async () => {
    const [a, b] = [await open(), await open()];
    const { taskId, executor } = await started(b);
    const reader = await reading(a, taskId, {}, 'phone');
    await executor.until(({ audiences }) => audiences.at(-1) === 1);
    await a.stop?.();
    await executor.until(({ audiences }) => audiences.at(-1) === 0);
    reader.close(); // which nobody hears of any more
    expect(await recordOf(b, { taskId })).toMatchObject({ subscribers: 0 });
  });

  it('lets clients that are reading a task get its end', async () => {
    const store = await open();
    const { taskId } = await finished(store, 3);
    const reader = await reading(store, taskId);
    await store.stop?.();
    expect(reader.drain().seqs).toEqual([1, 2, 3, 4]);
    expect(reader.subscription.finished).toBe(true);
    expect(store.sizes()).toMatchObject({ finished: 0, bufferedBytes: 0 });
    reader.close();
  });

  it('follows nothing any more: ended tasks can be read, running ones are refused', async () => {
    const [a, b] = [await open(), await open()];
    const ended = await finished(b, 2);
    const running = await started(b);
    await a.stop?.();
    const reader = await reading(a, ended.taskId);
    expect(reader.drain().seqs).toEqual([1, 2, 3]);
    expect(await codeOf(() => a.open(running.taskId))).toBe('STORE_UNAVAILABLE');
    expect(a.sizes()).toMatchObject({ finished: 0, bufferedBytes: 0 });
    reader.close();
  });

  it('keeps to its memory budget by trimming all copies in turn', async () => {
    const store = await open({ maxBufferedBytes: 24_000 });
    const tasks = [];
    for (let n = 0; n < 3; n++) tasks.push(await started(store));
    const readers = await Promise.all(tasks.map(({ taskId }) => reading(store, taskId)));
    for (const { writer } of tasks) for (let n = 0; n < 7; n++) await writer.append(undefined, `"${'x'.repeat(900)}"`);
    await tasks[0]!.writer.append(undefined, `"${'x'.repeat(12_000)}"`);
    expect(store.sizes().bufferedBytes).toBeLessThanOrEqual(24_000);
    for (const reader of readers.slice(1)) expect((await reader.until(7)).seqs).toEqual([1, 2, 3, 4, 5, 6, 7]); // what a copy has dropped is read from Redis again
    for (const reader of readers) reader.close();
  });
});
