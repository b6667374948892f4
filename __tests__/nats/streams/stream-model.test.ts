import {
  createPresence,
  createStreamRequester,
  createStreamResponder,
  TaskError,
  type StreamHandler,
} from '../../../lib/nats/index.js';
import { ManualClock } from '../../support/clock/manual-clock.js';
import { LossyBus } from '../../support/nats/nats-lossy-bus.js';
import { announceSeed, createRandom, type Random } from '../../support/random/random.js';

const RUNS = Number(process.env['RUNS'] ?? 80);
const BEAT_MS = 100;
jest.setTimeout(60_000 + RUNS * 100);
const LEASE_MS = 400;
/** Whatever has gone wrong, this is when it shows: three beats, one more for the phase, and a lease. */
const LAST_MS = 4 * BEAT_MS + LEASE_MS;
const NAMED = ['CLIENT_OFFLINE', 'NO_WORKER', 'WORKER_LOST', 'WORKER_PROTOCOL_ERROR', 'TASK_CANCELLED', 'TASK_FAILED'];

interface Outcome {
  readonly numbers: number[];
  readonly code: string;
  readonly result: string | undefined;
}

/** One gateway and one worker, and some streams between them that anything happens to. */
class World {
  readonly clock = new ManualClock();
  readonly bus: LossyBus;
  readonly worker;
  readonly gateway;
  readonly outcomes = new Map<number, Outcome>();
  readonly stops: AbortController[] = [];
  readonly #ticks = new Set<() => void>();
  started = 0;

  constructor(readonly random: Random) {
    this.bus = new LossyBus(random.fork(0));
    const { clock } = this;
    const links = [this.bus.connect(), this.bus.connect()] as const;
    const join = ({ connection, cut }: (typeof links)[0]) => ({
      connection,
      cut,
      presence: createPresence({ connection, clock, leaseMs: LEASE_MS }),
    });
    const [gateway, worker] = [join(links[0]), join(links[1])];
    const { connection, presence } = worker;
    const responder = createStreamResponder({ connection, presence, clock, onError: () => undefined });
    const own = { connection: gateway.connection, presence: gateway.presence };
    const requester = createStreamRequester({ ...own, clock, beatMs: BEAT_MS, windowMessages: 4 });
    this.worker = { ...worker, responder };
    this.gateway = { ...gateway, requester };
  }

  /** Sends what it is asked for; some are slow, some fail, some heed nothing. */
  readonly handler: StreamHandler = async ({ data }, sender) => {
    const [count = 0, failAt = 0, isSlow = 0] = Buffer.from(data).toString().split(' ').map(Number);
    for (let n = 1; n <= count; n++) {
      if (n === failAt) throw new Error('mine');
      await sender.send(String(n));
      if (isSlow === 1) await this.tick();
    }
    await sender.end(`all ${count}`);
  };

  tick(): Promise<void> {
    return new Promise((resolve) => this.#ticks.add(resolve));
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 25) {
      this.clock.advance(25);
      for (const resolve of this.#ticks) resolve();
      this.#ticks.clear();
      await this.bus.settle();
    }
  }

  async read(random: Random): Promise<void> {
    const [id, count] = [++this.started, random.int(0, 30)];
    const [failAt, isSlow, leaveAt] = [random.int(-60, 30), random.int(0, 1), random.int(1, 90)];
    const stop = new AbortController();
    this.stops.push(stop);
    const { presence, requester } = this.gateway;
    presence.markClientOnline(`client-${id}`);
    const numbers: number[] = [];
    let [code, result]: [string, string | undefined] = ['left', undefined];
    try {
      const data = `${count} ${failAt} ${isSlow}`;
      const stream = requester.streamRequestWithClient('jobs', data, `client-${id}`, { signal: stop.signal });
      for await (const message of stream) {
        numbers.push(Number(message.string()));
        if (message.seq === leaveAt) break;
        if (random.int(0, 3) === 0) await this.tick();
      }
      const bytes = await stream.finished;
      // Who leaves what has ended already is given its result as well.
      if (bytes !== undefined && numbers.length < leaveAt)
        [code, result] = [`all ${count}`, Buffer.from(bytes).toString()];
    } catch (error) {
      code = (error as TaskError).code;
    }
    this.outcomes.set(id, { numbers, code, result });
  }

  async step(): Promise<void> {
    const { random, bus, gateway, worker } = this;
    switch (random.int(0, 24)) {
      case 0:
        bus.loss = random.pick([0, 0.05, 0.3, 1]);
        break;
      case 1:
        gateway.presence.markClientOffline(`client-${random.int(1, this.started + 1)}`);
        break;
      case 2:
        random.pick(this.stops).abort(new TaskError('TASK_CANCELLED', 'x'));
        break;
      case 3:
        if (random.int(0, 5) === 0) random.pick([gateway, worker]).cut();
        break;
      case 4:
      case 5:
      case 6:
        void this.read(random.fork(this.started));
    }
    await this.pass(25);
  }
}

it(`in each of ${RUNS} runs, every stream ends with a named outcome, without a hole, and leaves nothing behind`, async () => {
  const random = createRandom(announceSeed('streams'));
  const codes = new Map<string, number>();
  for (let run = 0; run < RUNS; run++) {
    const world = new World(random.fork(run));
    const { worker, gateway, bus, clock } = world;
    const subscription = worker.responder.subscribe('jobs', world.handler, { maxConcurrent: 3, maxWaiting: 50 });
    await world.pass(LEASE_MS);
    void world.read(random.fork(run));
    for (let step = 0; step < 80; step++) await world.step();
    bus.loss = 0;
    await world.pass(30 * 25 * 12 + LAST_MS); // what runs on, with three at a time, gets there
    expect([run, world.outcomes.size]).toEqual([run, world.started]);
    for (const { numbers, code, result } of world.outcomes.values()) {
      const name = result === undefined ? code : 'all';
      codes.set(name, (codes.get(name) ?? 0) + 1);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      if (result === undefined) expect(['left', ...NAMED]).toContain(code);
      else expect([result, numbers.length]).toEqual([code, Number(code.slice(4))]);
    }
    expect([gateway.requester.getStatistics().open, subscription.running, subscription.waiting]).toEqual([0, 0, 0]);
    const stopped = Promise.all([worker.responder.stop(), worker.presence.stop(), gateway.presence.stop()]);
    await world.pass(50);
    await stopped;
    expect([clock.timers, bus.size]).toEqual([0, 0]);
  }
  process.stdout.write(`${JSON.stringify(Object.fromEntries([...codes].sort()))}
`);
});
