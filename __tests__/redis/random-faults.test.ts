import { randomUUID } from 'node:crypto';
import { compileLib } from '../support/processes/compiled-lib.js';
import { inTime } from '../support/clock/in-time.js';
import { PersistentClient } from '../support/clients/persistent-client.js';
import { announceSeed, createRandom, type Random } from '../support/random/random.js';
import { ChildInstance } from '../support/redis/redis-child.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { Fleet } from '../support/redis/redis-fleet.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { range } from '../support/jobs/stepped-job.js';

/** Two lanes share them. `RUNS=1000 npm test -- redis/random-faults` is the long form. */
const RUNS = Number(process.env['RUNS'] ?? 20);
const LEASE_MS = 1_500;
/** Nothing takes that long but what hangs. */
const HUNG_MS = 30_000;
const FAULTS = ['none', 'links', 'kill', 'freeze'] as const;

jest.setTimeout(120_000 + RUNS * 5_000);

describeWithRedisServer('two instances, faults and cut connections at random', () => {
  let redis: RedisServer;
  let admin: TestClient;
  const seed = announceSeed('random-faults');
  const fleets: Fleet[] = [];
  let libUrl: string;

  beforeAll(async () => {
    libUrl = compileLib('redis-random');
    redis = await RedisServer.start();
    admin = await openClient(redis.url);
  });
  afterAll(async () => {
    for (const fleet of fleets) await fleet.close();
    admin.close();
    await redis.close();
  });

  const breakSomething = async (fault: (typeof FAULTS)[number], fleet: Fleet, random: Random): Promise<void> => {
    if (fault === 'kill') fleet.kill(random);
    if (fault === 'freeze') fleet.freeze(random, 2 * LEASE_MS);
    if (fault === 'links') {
      const kinds = random.pick([['pubsub'], ['normal'], ['normal', 'pubsub']]);
      for (const kind of kinds) await admin.command('CLIENT', 'KILL', 'TYPE', kind);
    }
  };

  /** One task, up to three clients, one fault. */
  const run = async (fleet: Fleet, onLost: string, random: Random): Promise<string> => {
    const [fault, steps] = [random.pick(FAULTS), random.int(5, 60)];
    const key = randomUUID();
    const where = (): string => fleet.pick(random);
    const clients = range(1, random.int(1, 3)).map(() => new PersistentClient(where, key));
    const [first] = clients as [PersistentClient];
    const ends = clients.map((client) => client.run(`/job?to=${steps}`));
    const breaking = first.reached(random.int(0, steps)).then(() => breakSomething(fault, fleet, random));
    const state = (): string => `${fault}: ${JSON.stringify(clients.map(({ taskId, seqs }) => [taskId, seqs.length]))}`;
    await inTime(HUNG_MS, Promise.all([breaking, ...ends]), state);
    await fleet.whole();
    for (const { events, seqs, last } of clients) {
      expect(seqs).toEqual(range(1, last!.seq));
      expect(events).toEqual(first.events);
      expect(events.filter(({ event }) => event !== undefined)).toHaveLength(1);
    }
    const numbers = first.events.slice(0, -1).map(({ data }) => (JSON.parse(data) as { n: number }).n);
    expect(numbers).toEqual(range(1, numbers.length));
    const lost = first.last!.event === 'failed';
    if (lost) {
      expect(JSON.parse(first.last!.data)).toMatchObject({ error: { code: 'TASK_LOST' } });
      expect([fault, onLost]).toEqual([expect.stringMatching(/kill|freeze/), 'fail']);
    } else {
      expect(first.last!.event).toBe('complete');
      expect(numbers).toHaveLength(steps);
    }
    let response: Response;
    // Whoever has just woken up may not know yet that Redis answers.
    do response = await fetch(`${fleet.direct(random)}/tasks/${first.taskId}`);
    while (response.status === 503);
    expect(await response.json()).toMatchObject({
      status: lost ? 'failed' : 'completed',
      last_seq: first.last!.seq,
    });
    return `${fault}${lost ? ', lost' : ''}`;
  };

  it.each(['fail', 'restart'])(
    `loses nothing, doubles nothing and never hangs (SEED=${seed}), onLost: %s`,
    async (onLost) => {
      const lane = createRandom(seed).fork(onLost.length);
      const options = { prefix: `${onLost}:`, leaseMs: LEASE_MS, onLost };
      const fleet = await Fleet.start(() => ChildInstance.start(libUrl, redis.url, options), lane);
      fleets.push(fleet);
      const counts: Record<string, number> = {};
      for (let n = 1; n <= RUNS / 2; n++) {
        try {
          const outcome = await run(fleet, onLost, lane.fork(n));
          counts[outcome] = (counts[outcome] ?? 0) + 1;
        } catch (error) {
          throw new Error(`Run ${n} of SEED=${seed}, onLost: ${onLost}`, { cause: error });
        }
      }
      process.stdout.write(`random-faults: onLost ${onLost}, ${RUNS / 2} runs: ${JSON.stringify(counts)}\n`);
    },
  );
});
