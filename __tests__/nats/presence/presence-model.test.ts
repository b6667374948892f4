import { createPresence, type Presence } from '../../../lib/nats/index.js';
import { ManualClock } from '../../support/clock/manual-clock.js';
import { LossyBus } from '../../support/nats/nats-lossy-bus.js';
import { announceSeed, createRandom, type Random } from '../../support/random/random.js';

const RUNS = Number(process.env['RUNS'] ?? 40);
const STEPS = 120;
jest.setTimeout(60_000 + RUNS * 100);
const LEASE_MS = 1_000;
const IDS = Array.from({ length: 40 }, (_, n) => `client-${n}`);

/** A gateway, and who is connected to it in truth. */
interface Gateway {
  readonly presence: Presence;
  readonly cut: () => void;
  readonly clients: Set<string>;
}

interface Listener {
  readonly presence: Presence;
  /** Whom it knew to be online when that was last looked at, and whom it was told to be gone since. */
  readonly online: Set<string>;
  readonly told: Set<string>;
}

class World {
  readonly clock = new ManualClock();
  readonly gateways: Gateway[] = [];
  readonly listeners: Listener[] = [];
  /** Told to be gone, and online. */
  readonly wrong: string[] = [];
  readonly bus: LossyBus;

  constructor(readonly random: Random) {
    this.bus = new LossyBus(random.fork(0));
  }

  async open(listens: boolean): Promise<void> {
    const { connection, cut } = this.bus.connect();
    const presence = createPresence({ connection, clock: this.clock, leaseMs: LEASE_MS });
    if (!listens) {
      this.gateways.push({ presence, cut, clients: new Set() });
      return;
    }
    const listener = { presence, online: new Set<string>(), told: new Set<string>() };
    presence.onClientOffline((id) => {
      if (presence.isClientOnline(id)) this.wrong.push(id);
      listener.told.add(id);
    });
    const starting = presence.startClientOfflineListener();
    await this.pass(LEASE_MS);
    await starting;
    this.listeners.push(listener);
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 50) {
      this.clock.advance(50);
      await this.bus.settle();
    }
  }

  async step(): Promise<void> {
    const { random, gateways, bus } = this;
    const gateway = random.pick(gateways);
    switch (random.pick(['on', 'on', 'on', 'off', 'off', 'time', 'loss', 'kill', 'stop', 'listener'] as const)) {
      case 'on': {
        const id = random.pick(IDS);
        gateway.clients.add(id);
        gateway.presence.markClientOnline(id);
        break;
      }
      case 'off': {
        const id = random.pick(IDS); // may be none of its own
        gateway.clients.delete(id);
        gateway.presence.markClientOffline(id);
        break;
      }
      case 'time':
        await this.pass(random.int(1, 8) * 50);
        break;
      case 'loss':
        bus.loss = random.pick([0, 0, 0.1, 0.5, 1]);
        break;
      case 'kill':
      case 'stop': {
        if (random.int(1, 4) > 1) break;
        gateways.splice(gateways.indexOf(gateway), 1);
        if (random.int(0, 1) === 0) gateway.cut();
        const stopped = gateway.presence.stop(); // where it was cut nobody hears it
        await bus.settle();
        await stopped;
        await this.open(false);
        break;
      }
      case 'listener':
        if (this.listeners.length < 3 && bus.loss < 1) await this.open(true);
    }
    if (random.int(0, 2) === 0) await bus.settle();
  }

  /** Nothing gets lost any more: after two leases everybody knows the truth. */
  async expectTruth(): Promise<void> {
    this.bus.loss = 0;
    await this.bus.settle();
    await this.pass(2 * LEASE_MS);
    for (const { presence, online, told } of this.listeners) {
      for (const id of IDS) {
        const truth = this.gateways.some(({ clients }) => clients.has(id));
        expect([id, presence.isClientOnline(id)]).toEqual([id, truth]);
        if (truth) online.add(id);
        else if (online.delete(id)) expect(told).toContain(id);
      }
      told.clear();
    }
    expect(this.wrong).toEqual([]);
  }

  async close(): Promise<void> {
    const stops = [...this.gateways, ...this.listeners].map(({ presence }) => presence.stop());
    await this.bus.settle();
    await Promise.all(stops);
    expect(this.clock.timers).toBe(0);
  }
}

it(`in each of ${RUNS} runs of presence, all processes know who is online and hear who leaves, whatever gets lost`, async () => {
  const random = createRandom(announceSeed('presence'));
  for (let run = 0; run < RUNS; run++) {
    const world = new World(random.fork(run));
    await world.open(false);
    await world.open(false);
    await world.open(true);
    for (let step = 0; step < STEPS; step++) {
      await world.step();
      if (step % 40 === 39) await world.expectTruth();
    }
    await world.close();
  }
});
