import { createRedisStore } from '../../lib/redis/index.js';
import { recordOf, started } from '../contracts/store-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { RedisOnClock } from '../support/redis/redis-on-clock.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { turn } from '../support/jobs/run-fixture.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

const TTL_MS = 1_000;
/** Ten leases: how long keys of a running task are kept without a sign of life. */
const RUNNING_TTL_MS = 100_000;

describeWithRedis('a task that runs for longer than its keys are kept', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  it('keeps all its keys until its retention is over, and leaves nothing behind', async () => {
    const clock = new ManualClock();
    const server = await RedisOnClock.open(redis.url, clock);
    const settings = storeSettings({ clock, ttlMs: TTL_MS, maxTasksPerOwner: 5 });
    const store = createRedisStore({ client: server.client, prefix: server.prefix })(settings);
    const settle = (): Promise<void> => server.settled(turn);
    const pass = (ms: number): Promise<void> => server.advance(ms, settle);

    const { taskId, draft, writer } = await started(store, { owner: 'ann', idempotencyKey: 'once' });
    const refs = [{ taskId }, { resumeKey: draft.resumeKey }, { idempotencyKey: 'once', owner: 'ann' }];
    await pass(1.5 * RUNNING_TTL_MS);
    for (const ref of refs) expect(await recordOf(store, ref)).toMatchObject({ taskId, status: 'running' });
    expect(await store.list({ owner: 'ann', limit: 10 })).toHaveLength(1);
    await writer.finish('completed', '{}');
    await settle();
    await pass(TTL_MS - 1);
    for (const ref of refs) expect(await recordOf(store, ref)).toMatchObject({ taskId, status: 'completed' });
    await pass(1);
    await store.sweep();
    await pass(RUNNING_TTL_MS + TTL_MS);
    await store.sweep(); // takes the tombstone's mark out
    expect((await server.keys()).map((key) => key.slice(server.prefix.length))).toEqual(['{fleet}:instances']);
    await store.stop?.();
    await server.close();
  });
});
