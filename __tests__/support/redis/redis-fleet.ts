import { once } from 'node:events';
import { startCutProxy, type CutProxy, type Plan } from '../http/cut-proxy.js';
import type { Random } from '../random/random.js';
import type { ChildInstance } from './redis-child.js';

/** An instance in a process of its own, and the proxy in front that breaks its clients' connections. */
interface Member {
  readonly instance: ChildInstance;
  readonly proxy: CutProxy;
  /** Neither killed nor stopped. */
  alive: boolean;
}

/** Some connections end anywhere in the stream, others stay. */
const someCuts =
  (random: Random): Plan =>
  (connection) => {
    const draw = random.fork(connection);
    return draw.next() < 0.4 ? {} : { after: draw.int(0, 6_000), kind: draw.pick(['rst', 'fin'] as const) };
  };

/** Two instances that serve the same tasks. Whoever is killed is replaced, whoever is stopped goes on again. */
export class Fleet {
  readonly #members: Member[] = [];
  #mending: Promise<void> | undefined;

  private constructor(
    readonly startInstance: () => Promise<ChildInstance>,
    readonly random: Random,
  ) {}

  static async start(startInstance: () => Promise<ChildInstance>, random: Random): Promise<Fleet> {
    const fleet = new Fleet(startInstance, random);
    await Promise.all([fleet.#add(), fleet.#add()]);
    return fleet;
  }

  /** Where a client may go now. */
  pick(random: Random): string {
    return random.pick(this.#members.filter(({ alive }) => alive)).proxy.url;
  }

  /** The same past the proxy. */
  direct(random: Random): string {
    return `http://127.0.0.1:${random.pick(this.#members.filter(({ alive }) => alive)).instance.port}`;
  }

  /** Kills one of them, as -9 does. */
  kill(random: Random): void {
    const victim = random.pick(this.#members);
    victim.alive = false;
    victim.instance.signal('SIGKILL');
    this.#mending = this.#replace(victim);
  }

  /** Stops one of them in the middle of whatever it does, and lets it go on after `ms`. */
  freeze(random: Random, ms: number): void {
    const victim = random.pick(this.#members);
    victim.alive = false;
    victim.instance.signal('SIGSTOP');
    victim.proxy.cutAll();
    this.#mending = new Promise((resolve) => setTimeout(resolve, ms)).then(() => {
      victim.instance.signal('SIGCONT');
      victim.alive = true;
    });
  }

  /** Resolves when there are two at work again. */
  async whole(): Promise<void> {
    await this.#mending;
  }

  async close(): Promise<void> {
    await this.whole();
    for (const { instance, proxy } of this.#members) {
      await instance.close();
      await proxy.close();
    }
  }

  async #add(): Promise<void> {
    const instance = await this.startInstance();
    const plan = someCuts(this.random.fork(instance.port));
    this.#members.push({ instance, proxy: await startCutProxy({ upstreamPort: instance.port, plan }), alive: true });
  }

  async #replace(victim: Member): Promise<void> {
    const { process } = victim.instance;
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
    await this.#add();
    this.#members.splice(this.#members.indexOf(victim), 1);
    await victim.proxy.close();
  }
}
