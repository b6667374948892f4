import type { Context } from './context.js';
import { textsOf } from './record.js';
import { BEATS } from './scripts.js';

/** What a sign of life, or its absence, leads to. */
export interface MembershipEvents {
  /** This instance was forgotten: it was taken for dead, or Redis has lost everything. */
  forgotten(): Promise<void>;
  /** The lease of another instance is over. True when nothing of it is left. */
  died(instance: string): Promise<boolean>;
}

interface Seen {
  count: string;
  sinceMs: number;
}

/**
 * Who is alive. Every instance counts its own beats in one hash, and watches how long the counts of the others stand
 * still by its own monotonic clock; so no two clocks are ever compared, and a time when Redis answered nobody counts
 * for nobody.
 */
export class Membership {
  readonly #seen = new Map<string, Seen>();
  readonly #dead = new Set<string>();
  readonly #burying = new Set<string>();
  #count = 0;
  #beatenMs = -Infinity;
  #watchedMs = -Infinity;

  constructor(
    readonly context: Context,
    readonly events: MembershipEvents,
  ) {}

  /** As far as this instance can tell. */
  isDead(instance: string): boolean {
    return this.#dead.has(instance);
  }

  /** Counts one more beat where it is due. */
  async beat(): Promise<void> {
    const { commands, keys, instance, settings, leaseMs, runningTtlMs } = this.context;
    const now = settings.clock.now();
    if (now - this.#beatenMs < leaseMs * 0.3 - 1) return;
    const [count] = await Promise.all([
      commands.send(keys.beats, 'HINCRBY', keys.beats, instance, '1'),
      commands.send(keys.beats, 'PEXPIRE', keys.beats, String(runningTtlMs)),
    ]);
    this.#beatenMs = now; // when it was sent: the lease counts from there
    const expected = this.#count + 1;
    this.#count = Number(count);
    if (expected > 1 && this.#count < expected) await this.events.forgotten();
  }

  /** Looks at the beats of the others. */
  async watch(): Promise<void> {
    const { commands, keys, instance, settings, leaseMs } = this.context;
    const words = textsOf(await commands.run(BEATS, [keys.beats], []));
    const now = settings.clock.now();
    const blind = now - this.#watchedMs > leaseMs / 2; // a gap in our watch says nothing about the others
    this.#watchedMs = now;
    const present = new Set<string>();
    for (let i = 0; i < words.length; i += 2) {
      const [name = '', count = ''] = words.slice(i, i + 2);
      if (name === instance) continue;
      present.add(name);
      const seen = this.#seen.get(name);
      if (seen?.count !== count || blind) {
        this.#seen.set(name, { count, sinceMs: now });
        if (seen?.count !== count) this.#dead.delete(name); // it is back
      } else if (now - seen.sinceMs > leaseMs) {
        this.#dead.add(name);
      }
    }
    for (const name of this.#seen.keys()) if (!present.has(name)) this.#seen.delete(name);
    for (const name of this.#dead) if (!present.has(name)) this.#dead.delete(name);
    await Promise.all([...this.#dead].map((name) => this.#bury(name)));
  }

  /** Says goodbye, so that nobody has to wait for the lease. */
  async leave(): Promise<void> {
    const { commands, keys, instance } = this.context;
    const own = [keys.running(instance), keys.followed(instance), keys.inbox(instance)];
    await Promise.all([
      ...own.map((key) => commands.send(key, 'DEL', key)),
      commands.send(keys.beats, 'HDEL', keys.beats, instance),
    ]);
  }

  async #bury(name: string): Promise<void> {
    if (this.#burying.has(name)) return;
    this.#burying.add(name);
    try {
      if (!(await this.events.died(name))) return;
      const { commands, keys } = this.context;
      const seen = this.#seen.get(name);
      await commands.send(keys.beats, 'HDEL', keys.beats, name);
      await commands.send(keys.inbox(name), 'DEL', keys.inbox(name));
      if (seen !== undefined) this.#seen.delete(name);
    } finally {
      this.#burying.delete(name);
    }
  }
}
