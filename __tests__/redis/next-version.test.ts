import { randomUUID } from 'node:crypto';
import { asNextVersion, compileLib } from '../support/processes/compiled-lib.js';
import { PersistentClient } from '../support/clients/persistent-client.js';
import { announceSeed, createRandom } from '../support/random/random.js';
import { ChildInstance } from '../support/redis/redis-child.js';
import { describeWithRedis, openRedis, type Redis } from '../support/redis/redis-server.js';
import { range } from '../support/jobs/stepped-job.js';

/** `STREAMS=200` is what the store has to bear. */
const STREAMS = Number(process.env['STREAMS'] ?? 20);
const INSTANCES = 4;

jest.setTimeout(120_000 + STREAMS * 1_000);

describeWithRedis(
  'a rolling deploy of a version that writes a newer schema, each instance a process of its own',
  () => {
    const seed = announceSeed('next-version');
    let redis: Redis;
    let libUrl: string;
    let nextLibUrl: string;
    const instances: ChildInstance[] = [];

    beforeAll(async () => {
      libUrl = compileLib('version');
      nextLibUrl = asNextVersion(libUrl);
      redis = await openRedis();
    });
    afterAll(() => redis.close());
    afterEach(async () => {
      await Promise.all(instances.splice(0).map((instance) => instance.close()));
    });

    it(`loses, doubles and hangs none of ${STREAMS} streams, of which half begin on either version`, async () => {
      const random = createRandom(seed);
      const options = { prefix: `${randomUUID()}:`, leaseMs: 2_000, onLost: 'restart', maxAttempts: 10 };
      const open = (url: string): Promise<ChildInstance> => ChildInstance.start(url, redis.url, options);
      instances.push(...(await Promise.all(range(1, INSTANCES).map(() => open(libUrl)))));
      const clientOf = (name: string): PersistentClient =>
        new PersistentClient(() => `http://127.0.0.1:${random.pick(instances).port}`, name);
      const clients: PersistentClient[] = [];
      const streams: Promise<void>[] = [];
      const begin = async (names: readonly string[]): Promise<void> => {
        const more = names.map(clientOf);
        clients.push(...more);
        streams.push(...more.map((client) => client.run('/named?to=600')));
        await Promise.all(more.map((client) => client.reached(3)));
      };

      await begin(range(1, STREAMS / 2).map((n) => `old-${n}`));
      for (let n = 0; n < INSTANCES; n++) {
        instances.push(await open(nextLibUrl));
        if (n === 1) await begin(range(1, STREAMS / 2).map((m) => `new-${m}`));
        const old = instances.shift()!; // the balancer sends nobody there any more
        const before = clients.map(({ events }) => events.length);
        old.send({ kind: 'stop', ms: 0 });
        await old.heard('stopped');
        await old.close();
        await Promise.all(clients.map((client, index) => client.reached(before[index]! + 1)));
      }
      await Promise.all(streams);

      for (const { events, last } of clients) {
        const numbers = events.slice(0, -1).map(({ data }) => (JSON.parse(data) as { n: number }).n);
        expect(numbers).toEqual(range(1, 600));
        expect(last).toMatchObject({ event: 'complete', data: expect.stringContaining('"result":"done"') });
      }
    });
  },
);
