import { compileLib } from '../support/processes/compiled-lib.js';
import { NatsChild } from '../support/nats/nats-child.js';
import { describeWithNatsServer, Nats } from '../support/nats/nats-server.js';
import { announceSeed, createRandom, type Random } from '../support/random/random.js';
import { standStill } from '../support/clock/until.js';

/** `RUNS=1000` for the long way. */
const RUNS = Number(process.env['RUNS'] ?? 20);
const NAMED = ['CLIENT_OFFLINE', 'NO_WORKER', 'WORKER_LOST', 'WORKER_PROTOCOL_ERROR'];
const FAULTS = [
  'none',
  'kill worker',
  'kill gateway',
  'kill server',
  'pause worker',
  'pause gateway',
  'pause server',
] as const;
type Fault = (typeof FAULTS)[number];

jest.setTimeout(120_000 + RUNS * 5_000);

/** Processes that are killed at random, and replaced. */
class World {
  gateway: NatsChild | undefined;
  worker: NatsChild | undefined;
  readonly outcomes = new Map<string, number>();

  constructor(
    readonly libUrl: string,
    readonly nats: Nats,
  ) {}

  async start(role: 'gateway' | 'worker'): Promise<NatsChild> {
    const names = { servers: this.nats.url, subject: 'jobs', presenceSubject: 'presence' };
    return NatsChild.start(this.libUrl, { role, ...names, leaseMs: 240, beatMs: 60, windowMessages: 50 });
  }

  /** One stream and one fault in the middle of it; returns what became of it. */
  async run(n: number, random: Random): Promise<string> {
    const gateway = (this.gateway ??= await this.start('gateway'));
    const worker = (this.worker ??= await this.start('worker'));
    const fault = random.pick(FAULTS);
    const to = random.int(1, 400);
    const everyMs = random.pick([0, 0, 1, 2]);
    const after = random.int(0, 3);
    gateway.ask(`client-${n}`, { to, everyMs });
    for (let heard = 0; heard <= after; heard++) {
      // The stream may be over before the fault comes.
      const { kind } = await gateway.heardAny(['received', 'outcome']);
      if (kind === 'outcome') return this.#count(fault, 'too late');
    }
    await this.#break(fault, gateway, worker, random.int(150, 500));
    if (fault === 'kill gateway') {
      this.gateway = undefined;
      const { kind } = await worker.heardAny(['aborted', 'ended']);
      worker.forget();
      return this.#count(fault, kind);
    }
    const { code = '', count, exact } = await gateway.heard('outcome');
    if (fault === 'kill worker') this.worker = undefined;
    gateway.forget();
    worker.forget();
    expect({ fault, exact }).toEqual({ fault, exact: true });
    if (code === 'resolved') expect({ fault, count }).toEqual({ fault, count: to });
    else expect([...NAMED]).toContain(code);
    if (fault === 'none') expect(code).toBe('resolved');
    return this.#count(fault, code);
  }

  async #break(fault: Fault, gateway: NatsChild, worker: NatsChild, ms: number): Promise<void> {
    const { server } = this.nats;
    switch (fault) {
      case 'none':
        return;
      case 'kill worker':
        worker.signal('SIGKILL');
        return;
      case 'kill gateway':
        gateway.signal('SIGKILL');
        return;
      case 'kill server':
        await server!.kill();
        await server!.run();
        return;
      case 'pause worker':
      case 'pause gateway': {
        const child = fault === 'pause worker' ? worker : gateway;
        child.signal('SIGSTOP');
        await standStill(ms);
        child.signal('SIGCONT');
        return;
      }
      case 'pause server':
        server!.pause();
        await standStill(ms);
        server!.resume();
    }
  }

  #count(fault: Fault, outcome: string): string {
    const name = `${fault}: ${outcome}`;
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    return name;
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway?.close(), this.worker?.close()]);
  }
}

describeWithNatsServer('random kills and pauses', () => {
  it(`leave nothing hanging, missing or doubled in ${RUNS} runs, and every outcome has a name`, async () => {
    const random = createRandom(announceSeed('random faults'));
    const nats = await Nats.own();
    const world = new World(compileLib('nats-random'), nats);
    try {
      for (let n = 0; n < RUNS; n++) await world.run(n, random.fork(n));
    } finally {
      await world.close();
      await nats.close();
    }
    const total = [...world.outcomes.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBe(RUNS);
    process.stdout.write(`${JSON.stringify(Object.fromEntries([...world.outcomes].sort()), null, 2)}\n`);
  });
});
