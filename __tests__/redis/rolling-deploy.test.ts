import { randomUUID } from 'node:crypto';
import { systemClock } from '../../lib/core/clock.js';
import { SCHEMA } from '../../lib/distributed/port/stored.js';
import { Keys } from '../../lib/redis/keys.js';
import type { AsyncTask } from '../../lib/index.js';
import { PersistentClient } from '../support/clients/persistent-client.js';
import { createRandom } from '../support/random/random.js';
import { WebInstance } from '../support/redis/redis-instances.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';

/** `STREAMS=200 DEPLOYS=3` is what the store has to bear. */
const STREAMS = Number(process.env['STREAMS'] ?? 30);
const DEPLOYS = Number(process.env['DEPLOYS'] ?? 1);
const INSTANCES = 4;
/** The work between two numbers. */
const PACE_MS = 20;

/** Says one number after the other, wherever it runs, until the deploys are over. */
function counting(isOver: () => boolean): AsyncTask {
  return async ({ signal, lastProgress }, _taskId, updateProgress) => {
    let n = Number(lastProgress ?? 0);
    do {
      await new Promise<void>((resolve) => void systemClock.after(PACE_MS, resolve));
      signal.throwIfAborted();
      await updateProgress(++n);
    } while (!isOver());
    return n;
  };
}

describeWithRedis('a rolling deploy', () => {
  let redis: Redis;
  let prefix: string;
  const instances: WebInstance[] = [];
  beforeAll(async () => {
    redis = await openRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    await Promise.all(instances.splice(0).map((instance) => instance.close()));
  });

  it(`of ${INSTANCES} instances loses, doubles or hangs none of ${STREAMS} streams`, async () => {
    let isOver = false;
    const open = (): Promise<WebInstance> =>
      WebInstance.open(redis.url, { prefix, job: counting(() => isOver), name: 'count', onLost: 'restart' });
    instances.push(...(await Promise.all(Array.from({ length: INSTANCES }, open))));
    const random = createRandom(1);
    const clients = Array.from(
      { length: STREAMS },
      (_, n) => new PersistentClient(() => random.pick(instances).url, `stream-${n}`),
    );
    const streams = clients.map((client) => client.run('/job'));
    await Promise.all(clients.map((client) => client.reached(3)));
    for (let deploy = 0; deploy < DEPLOYS; deploy++) {
      for (let n = 0; n < INSTANCES; n++) {
        const fresh = await open();
        const old = instances.shift()!; // the balancer sends nobody there any more
        instances.push(fresh);
        const before = clients.map(({ events }) => events.length);
        await old.close();
        await Promise.all(clients.map((client, index) => client.reached(before[index]! + 1)));
      }
    }
    isOver = true;
    await Promise.all(streams);
    for (const { events, last } of clients) {
      const numbers = events.slice(0, -1).map(({ data }) => Number(data));
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => n + 1));
      expect(last).toMatchObject({ event: 'complete', data: expect.stringContaining(`"result":${numbers.length}`) });
    }
  });

  it('to a version with a newer schema: old instances refuse its tasks by name, and serve all older ones', async () => {
    const old = await WebInstance.open(redis.url, { prefix, job: counting(() => true) });
    instances.push(old);
    const [older, newer] = await Promise.all(
      [1, 2].map(async () => {
        const follower = old.follow();
        await follower.untilEnded();
        return follower;
      }),
    );
    const key = new Keys(prefix).task(newer!.taskId);
    expect(await old.client.command('HGET', key, 'schema')).toBe(String(SCHEMA));
    await old.client.command('HSET', key, 'schema', String(SCHEMA + 1));
    const next = await WebInstance.open(redis.url, { prefix });
    instances.push(next);
    const refused = await next.json(`/tasks/${newer!.taskId}`);
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
    expect(JSON.stringify(refused.body)).toContain('newer version');
    expect(await next.json(`/tasks/${older!.taskId}`)).toMatchObject({ status: 200, body: { status: 'completed' } });
    const again = next.resume(older!.resumeKey);
    await again.untilEnded();
    expect(again.seqs).toEqual([1, 2]);
  });
});
