import type { OpenTaskStore } from '../../lib/core/ports.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { finished } from '../contracts/store-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { RedisOnClock } from '../support/redis/redis-on-clock.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { turn } from '../support/jobs/run-fixture.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

/** More than a sweep takes in one call. */
const PER_SECOND = 520;
const ROUNDS = 3;
const TTL_MS = 1_000;
/** Ten leases: the longest time for which anything is kept without a task. */
const RUNNING_TTL_MS = 100_000;

jest.setTimeout(120_000);

describeWithRedis('the indexes of tasks that come and go', () => {
  let redis: Redis;
  let clock: ManualClock;
  let server: RedisOnClock;
  let store: OpenTaskStore;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    clock = new ManualClock();
    server = await RedisOnClock.open(redis.url, clock);
    const settings = storeSettings({ clock, ttlMs: TTL_MS, maxTasksPerOwner: 2 * PER_SECOND });
    store = createRedisStore({ client: server.client, prefix: server.prefix })(settings);
  });
  afterEach(async () => {
    await store.stop?.();
    await server.close();
  });

  const pass = (ms: number): Promise<void> => server.advance(ms, () => server.settled(turn));
  /** The sizes of all sorted sets, by name. */
  const sizes = async (): Promise<Record<string, number>> => {
    const found: Record<string, number> = {};
    for (const key of await server.keys()) {
      const size = await server.redis.zCard(key).catch(() => 0); // what is no sorted set refuses to be counted
      if (size > 0) found[key.slice(server.prefix.length)] = size;
    }
    return found;
  };
  const round = (n: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: PER_SECOND }, (_, i) =>
        finished(store, 1, { owner: 'ann', idempotencyKey: `${n}-${i}`, slot: `${n}-${i}` }),
      ),
    );

  it(`level off at ${PER_SECOND} tasks a second, and nothing is left in the end`, async () => {
    const after: Record<string, number>[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      await round(n);
      await pass(TTL_MS);
      await store.sweep();
      after.push(await sizes());
    }
    expect(after).toEqual(Array.from({ length: ROUNDS }, () => after[0]));
    expect(Object.values(after[0]!).filter((size) => size > PER_SECOND)).toEqual([]);
    await store.stop?.(); // so that nobody keeps its own sign of life
    await pass(RUNNING_TTL_MS + TTL_MS);
    expect(await server.keys()).toEqual([]);
  });
});
