import type { TaskDriver } from '../../../lib/distributed/port/driver.js';
import { MapDriver, MapServer } from '../../support/stores/map-driver.js';
import { emptyState } from '../../support/stores/map-state.js';
import type { Random } from '../../support/random/random.js';
import { CALM, type Weather } from './faulty-driver.js';
import type { Faults } from './faults.js';
import { Instance, type InstanceOptions } from './instance.js';
import { JobDiary } from './job.js';
import { Payloads, Reader } from './reader.js';
import type { Turns } from './turns.js';
import { VirtualTime } from './virtual-time.js';

const INDEXES = ['running', 'orphans'] as const;
const MAX_INSTANCES = 4;
const IDLE_COPY_MS = 6_000;
const SETTLING_MS = 2_000;
/** So often it is asked whether what is waited for has come about, in ms. */
const UNTIL_MS = 100;

/** Some instances, a store, clients and bad luck, all of it decided by one seed. */
export class World {
  readonly time: VirtualTime;
  readonly server = new MapServer();
  readonly diary = new JobDiary();
  readonly payloads = new Payloads();
  readonly instances: Instance[] = [];
  readonly readers: Reader[] = [];
  /** The store has lost data: then so may everybody. */
  hasLostData = false;
  /** What has happened, for whoever has to understand a red run. */
  readonly story: string[] = [];
  readonly #isPatient: boolean;
  #plans = 0;
  #saved: ReturnType<typeof emptyState> | undefined;
  #stalledUntilMs = new Map<Instance, number>();

  constructor(
    readonly random: Random,
    readonly faults: Faults,
    turns: Turns,
    readonly options: InstanceOptions,
    readonly connect: (server: MapServer) => TaskDriver = (server) => new MapDriver(server),
  ) {
    this.time = new VirtualTime(turns);
    this.#isPatient = random.fork(3).next() < 0.1;
    const count = random.int(1, MAX_INSTANCES);
    for (let i = 0; i < count; i++) this.startInstance();
  }

  get alive(): Instance[] {
    return this.instances.filter(({ isUp }) => isUp);
  }

  startInstance(): Instance {
    const n = this.instances.length;
    // Each process may have been configured with a lease of its own.
    const leaseMs = this.options.leaseMs * this.random.pick([1, 1, 2]);
    const options = { ...this.options, leaseMs };
    const instance = new Instance(
      `i${n}`,
      this.time,
      this.connect(this.server),
      this.random.fork(100 + n),
      this.diary,
      options,
    );
    this.instances.push(instance);
    this.#tell(`${instance.name} starts`);
    return instance;
  }

  /** One thing happens, and some time passes. */
  async step(): Promise<void> {
    for (const [instance, untilMs] of this.#stalledUntilMs) {
      if (this.time.nowMs < untilMs) continue;
      this.#stalledUntilMs.delete(instance);
      instance.machine.resume();
      this.#tell(`${instance.name} goes on`);
    }
    this.#reconnect();
    this.random.pick(this.#possible())();
    await this.time.turns.settle();
    await this.time.advance(this.random.pick([0, 5, 50, 200, 700]));
  }

  /** All faults end, and time goes on until everything is over, which it has to be after `ms`. */
  async calmDown(ms: number): Promise<void> {
    this.#tell('calm');
    for (const { machine, driver } of this.instances) {
      driver.weather = { ...CALM };
      machine.resume();
    }
    this.#stalledUntilMs.clear();
    await this.time.turns.settle();
    if (this.alive.length === 0) this.startInstance();
    // What was sent before the calm may be lost even now: so long nobody can count on an answer.
    const settledMs = this.time.nowMs + SETTLING_MS;
    await this.until(ms, () => {
      this.#reconnect();
      return this.time.nowMs >= settledMs && this.#isOver;
    });
    // A copy of a log that ended before the store lost it is kept as long as anybody may still be reading it.
    if (this.hasLostData) await this.time.advance(IDLE_COPY_MS);
  }

  /** Lets time go on until `isDone`, at most for `ms`; in one of ten worlds for all of it, lest something undoes it. */
  async until(ms: number, isDone: () => boolean): Promise<void> {
    const endMs = this.time.nowMs + ms;
    while (this.time.nowMs < endMs) {
      if (isDone() && !this.#isPatient) return;
      await this.time.advance(Math.min(UNTIL_MS, endMs - this.time.nowMs));
    }
  }

  /** Reads tasks anew from their beginning, all at once. */
  async readAll(resumeKeys: Iterable<string>, instance: Instance): Promise<Reader[]> {
    const readers = Array.from(resumeKeys, (key) => new Reader(`resume_key=${key}`, this.payloads));
    for (const reader of readers) reader.connect(instance);
    await this.until(2_000, () => readers.every(({ isConnected }) => !isConnected));
    return readers;
  }

  get #isOver(): boolean {
    const tasks = this.server.store?.state.tasks.values() ?? [];
    return (
      this.readers.every(({ over }) => over !== undefined) && [...tasks].every(({ status }) => status !== 'running')
    );
  }

  #reconnect(): void {
    for (const reader of this.readers) {
      if (reader.isConnected || reader.over !== undefined || this.alive.length === 0) continue;
      reader.connect(this.random.pick(this.alive));
    }
  }

  #possible(): (() => void)[] {
    const { kills, stalls, deploys, weather, lostIndexes, lostData } = this.faults;
    const up = this.instances.filter(({ machine }) => machine.state !== 'dead');
    const start = (): void => this.#start();
    const actions: (() => void)[] = [start, start, () => this.#watch(), () => this.#cut(), () => this.#cancel()];
    if (up.length < MAX_INSTANCES) actions.push(() => void this.startInstance());
    if (up.length === 0) return actions;
    const victim = this.random.pick(up);
    if (kills) actions.push(() => this.#kill(victim));
    if (deploys) actions.push(() => this.#stop(victim));
    if (stalls) actions.push(() => this.#stall(victim));
    if (weather) actions.push(...[0, 1].map(() => () => this.#changeWeather(victim)));
    if (lostIndexes) actions.push(() => this.#loseIndex());
    if (lostData) actions.push(() => this.#loseData());
    return actions;
  }

  #start(): void {
    if (this.alive.length === 0) return;
    const plan = this.#plans++ + 1_000 * this.random.seed;
    const reader = new Reader(`plan=${plan}&idempotency_key=k${plan}`, this.payloads);
    this.readers.push(reader);
    reader.connect(this.random.pick(this.alive));
  }

  #watch(): void {
    const known = this.readers.filter(({ resumeKey }) => resumeKey !== undefined);
    if (known.length === 0) return;
    this.readers.push(new Reader(`resume_key=${this.random.pick(known).resumeKey!}`, this.payloads));
  }

  #cut(): void {
    if (this.readers.length > 0) this.random.pick(this.readers).cut();
  }

  #cancel(): void {
    const known = this.readers.filter(({ taskId, over }) => taskId !== undefined && over === undefined);
    if (known.length === 0 || this.alive.length === 0 || this.random.next() < 0.7) return;
    const { taskId } = this.random.pick(known);
    this.random
      .pick(this.alive)
      .tasks.cancelTask(taskId!)
      .catch(() => undefined);
  }

  #kill(instance: Instance): void {
    this.#tell(`${instance.name} is killed`);
    instance.machine.kill();
    this.server.listeners.delete(instance.storeName);
    // The kernel closes what a dead process had open.
    for (const reader of this.readers) if (reader.isConnectedTo(instance)) reader.cut();
  }

  #stop(instance: Instance): void {
    if (!instance.isUp) return;
    this.#tell(`${instance.name} stops`);
    instance.stop();
  }

  #stall(instance: Instance): void {
    if (!instance.isUp) return;
    const ms = Math.round(this.options.leaseMs * 3 * this.random.next());
    this.#tell(`${instance.name} stands still for ${ms} ms`);
    instance.machine.stall();
    this.#stalledUntilMs.set(instance, this.time.nowMs + ms);
  }

  #changeWeather({ name, driver }: Instance): void {
    const { random } = this;
    const some = (): number => random.pick([0, 0, 0.05, 0.3]);
    const weather: Weather = {
      ...{
        answerLost: some(),
        requestLost: some(),
        twice: some(),
        late: some(),
        notificationLost: random.pick([0, 0.3, 1]),
      },
      ...{ lateMs: random.int(0, 2 * this.options.leaseMs), isDown: random.next() < 0.15 },
      refusesWrites: random.next() < 0.25,
    };
    const next = random.next() < 0.4 ? { ...CALM } : weather;
    // What the store itself refuses it refuses to everybody.
    if (next.refusesWrites || next.isDown) for (const each of this.instances) each.driver.weather = { ...next };
    else driver.weather = next;
    this.#tell(`weather of ${name}: ${JSON.stringify(next)}`);
  }

  #loseIndex(): void {
    const index = this.random.pick(INDEXES);
    this.#tell(`the index ${index} is lost`);
    this.server.store?.state[index].clear();
  }

  #loseData(): void {
    const { store } = this.server;
    if (store === undefined) return;
    if (this.#saved === undefined || this.random.next() < 0.5) {
      this.#saved = structuredClone(store.state);
      return;
    }
    const isWiped = this.random.next() < 0.3;
    this.#tell(isWiped ? 'the store comes back empty' : 'the store falls back');
    store.state = isWiped ? emptyState() : structuredClone(this.#saved);
    this.hasLostData = true;
  }

  #tell(what: string): void {
    this.story.push(`${this.time.nowMs} ms: ${what}`);
  }
}
