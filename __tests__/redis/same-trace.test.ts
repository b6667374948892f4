import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { MemoryStore } from '../../lib/core/store/memory-store.js';
import { systemClock } from '../../lib/core/clock.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { itHolds } from '../support/random/property.js';
import { CLIENTS, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';
import { draft, storeSettings } from '../support/stores/store-fixtures.js';
import { TracePlayer, traces, type Step } from '../support/stores/store-trace.js';

const LIMITS = { ttlMs: 3_600_000, maxTasksPerOwner: 3, maxBufferedBytes: 2 ** 30 };
const RUNS = 50;

/** The memory store is the model: whatever is done, two instances over Redis show the same. */
describeWithRedis('the same calls have the same results on Redis as in memory', () => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());

  describe.each(Object.entries(CLIENTS))('through %s', (_, openClient) => {
    const clients: TestClient[] = [];
    beforeAll(async () => {
      clients.push(await openClient(redis.url), await openClient(redis.url));
    });
    afterAll(() => {
      for (const client of clients) client.close();
    });

    itHolds<[Step[]]>(
      'on two instances',
      [traces],
      async (steps) => {
        const settings = storeSettings({ clock: systemClock, ...LIMITS });
        const memory = new MemoryStore(settings);
        const prefix = `trace:${randomUUID()}:`;
        const instances = clients.map(({ client }) => createRedisStore({ client, prefix })(settings));
        const [expected, actual] = [new TracePlayer([memory]), new TracePlayer(instances)];
        try {
          for (const step of steps) {
            const asked = draft({ owner: step.owner, idempotencyKey: step.key, fingerprint: step.fingerprint });
            const answer = await expected.play(step, asked);
            expect(await actual.play(step, asked)).toEqual(answer);
            if (step.do === 'look') await shows(actual, expected, step);
          }
          for (const on of [0, 1]) await shows(actual, expected, { ...(steps[0] as Step), on, name: 'phone' });
        } finally {
          for (const instance of instances) await instance.stop?.();
        }
      },
      RUNS,
    );
  });
});

async function shows(actual: TracePlayer, expected: TracePlayer, step: Step): Promise<void> {
  const look = await expected.look(step);
  let seen: unknown;
  const same = async (): Promise<boolean> => isDeepStrictEqual((seen = await actual.look(step)), look);
  await until(same, 5_000).catch(() => expect(seen).toEqual(look));
}
