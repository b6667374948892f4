import { randomUUID } from 'node:crypto';
import type { OpenTaskStore, TaskWriter } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { CLAIM } from '../../lib/redis/scripts/log-scripts.js';
import { reading, recordOf, started } from '../contracts/store-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { CLIENTS, through, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { storeSettings } from '../support/stores/store-fixtures.js';
import { until } from '../support/clock/until.js';

/** A client that does `before` each time just before it claims a task. */
const beforeClaims = (client: TestClient['client'], before: () => Promise<void>): TestClient['client'] =>
  through(client, async (words, sendOn) => {
    if (words[1] === CLAIM.text || words[1] === CLAIM.sha) await before();
    return sendOn();
  });

describeWithRedis('an instance that is taken for dead and writes once more', () => {
  let redis: Redis;
  const clients: TestClient[] = [];
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await redis.close();
  });

  it('has its last events in the log, before the end that another one writes', async () => {
    const prefix = `test:${randomUUID()}:`;
    const clocks = [new ManualClock(), new ManualClock()] as const;
    let lastWords: TaskWriter | undefined;
    const open = async (clock: ManualClock, before: () => Promise<void>): Promise<OpenTaskStore> => {
      const client = await CLIENTS['node-redis 6']!(redis.url);
      clients.push(client);
      const wrapped = beforeClaims(client.client, before);
      const store = createRedisStore({ client: wrapped, prefix, leaseMs: 1_000 })(storeSettings({ clock }));
      return store;
    };
    const silent = await open(clocks[0], () => Promise.resolve());
    const other = await open(clocks[1], async () => {
      await lastWords?.append(undefined, '2');
      lastWords = undefined;
    });
    const { taskId, writer, executor } = await started(silent);
    await writer.append(undefined, '1');
    lastWords = writer;
    await until(async () => {
      clocks[1].advance(100); // while the other clock stands still, and with it the beats
      return (await recordOf(other, { taskId })).status === 'failed';
    });
    const reader = await (await reading(other, taskId)).untilFinished();
    expect(reader.frames.map(({ seq, event }) => [seq, event])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, 'failed'],
    ]);
    expect(lastWords).toBeUndefined(); // it has written
    await expect(writer.append(undefined, '3')).rejects.toMatchObject({ code: 'FENCED' });
    expect(executor.fences).toHaveLength(1);
    reader.close();
    await Promise.all([silent.stop?.(), other.stop?.()]);
  });
});
