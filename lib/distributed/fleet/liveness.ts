/** Sends this instance's sign of life to the store, and finds out which other instances are dead. */
import { ignore } from '../../core/optional-promise.js';
import type { Context } from '../context.js';
import { SCHEMA, type InstanceState } from '../port/stored.js';

/** The events that a sign of life, or its absence, leads to. */
export interface LivenessEvents {
  /**
   * This instance cannot be sure of what it holds: it has been silent for long enough to be taken for dead, or the store
   * has gone back to an earlier state.
   */
  doubted(): void;
  /** The lease of another instance is over; told again with each beat until it is gone. */
  died(instance: string, count: number): void;
  /** An instance is not among the others any more: it has left, or somebody has struck it off. */
  left(): void;
}

/** So many instances are remembered that the store does not know. */
const MAX_MISSING = 1_000;
/** Own beats that are further apart than this many intervals do not show that the store accepted others' meanwhile. */
const LATE_BEATS = 3;

interface Seen {
  count: number;
  leaseMs: number;
  sinceMs: number;
}

/**
 * Decides who is alive. Every instance counts its own beats in the store and watches, by its own monotonic clock, how
 * long the counts of the others stand still; so no two clocks are ever compared. It judges nobody whom it could not have
 * heard: only after a whole lease, the other's, in which all its own beats were accepted.
 */
export class Liveness {
  readonly #seen = new Map<string, Seen>();
  readonly #dead = new Set<string>();
  /** Instances that the store does not know, and since when; -Infinity for those that were found dead here before. */
  readonly #missing = new Map<string, number>();
  #count = 0;
  /** The time at which the last accepted beat was sent. */
  #acceptedMs = -Infinity;
  /** Since when all beats were accepted. */
  #steadyMs = Infinity;
  #beating: Promise<void> | undefined;
  /** Why the store has not accepted the last beat; undefined where it has. */
  failure: unknown;

  constructor(
    readonly context: Context,
    readonly events: LivenessEvents,
  ) {}

  /** Nobody can have taken this instance for dead since its last beat. */
  get sure(): boolean {
    return this.context.settings.clock.now() - this.#acceptedMs <= this.context.leaseMs / 2;
  }

  /** The store has named the instance with the last beat. */
  knows(instance: string): boolean {
    return this.#seen.has(instance);
  }

  /**
   * As far as this instance can tell; unknown is alive. A verdict of its last beat stands for its own lease. One on
   * somebody whom no beat has named needs beats that are not late.
   */
  isDead(instance: string | undefined): boolean {
    if (instance === undefined || instance === this.context.instance) return false;
    const now = this.context.settings.clock.now();
    const silentMs = now - this.#acceptedMs;
    if (this.#seen.has(instance)) return silentMs < this.context.leaseMs && this.#dead.has(instance);
    const since = this.#missing.get(instance) ?? now;
    if (since === -Infinity) return silentMs < this.context.leaseMs;
    if (silentMs > LATE_BEATS * this.context.beatMs) return false;
    this.#miss(instance, since);
    return this.#isOver(since, this.#longestLeaseMs, now);
  }

  /** Gives a sign of life and looks at those of others; calls that come meanwhile are the same one. */
  beat(): Promise<void> {
    return (this.#beating ??= this.#beat().finally(() => (this.#beating = undefined)));
  }

  /** Gives a first sign of life before this instance has anything: nobody misses one that was never there. */
  async ready(): Promise<void> {
    if (this.#count === 0) await this.beat();
  }

  /** Says goodbye, so that nobody has to wait for the lease. */
  async leave(): Promise<void> {
    await this.#beating?.catch(ignore);
    await this.context.driver.removeInstance(this.context.instance, undefined);
  }

  async #beat(): Promise<void> {
    const { driver, instance, leaseMs, settings } = this.context;
    const sentMs = settings.clock.now();
    let instances: readonly InstanceState[];
    try {
      instances = await driver.beat({ instance, leaseMs, schema: SCHEMA });
    } catch (error) {
      this.#steadyMs = Infinity;
      this.failure = error;
      throw error;
    }
    const own = instances.find((each) => each.instance === instance)?.count ?? 0;
    const fellBack = own <= this.#count;
    const silent = sentMs - this.#acceptedMs > leaseMs / 2 && this.#count > 0;
    const late = sentMs - this.#acceptedMs > LATE_BEATS * this.context.beatMs;
    if (fellBack || late || this.#steadyMs === Infinity) this.#steadyMs = sentMs;
    this.#count = own;
    this.#acceptedMs = sentMs;
    this.failure = undefined;
    this.#watch(instances);
    if (fellBack || silent) this.events.doubted();
  }

  #watch(instances: readonly InstanceState[]): void {
    const now = this.context.settings.clock.now();
    const present = new Set<string>();
    for (const { instance, count, leaseMs } of instances) {
      if (instance === this.context.instance) continue;
      present.add(instance);
      const seen = this.#seen.get(instance);
      if (seen?.count !== count) {
        this.#seen.set(instance, { count, leaseMs, sinceMs: now });
        this.#dead.delete(instance);
      } else if (this.#isOver(seen.sinceMs, leaseMs, now)) {
        this.#dead.add(instance);
      }
    }
    for (const instance of present) this.#missing.delete(instance);
    for (const instance of this.#seen.keys()) {
      if (present.has(instance)) continue;
      this.#miss(instance, this.#dead.delete(instance) ? -Infinity : now);
      this.#seen.delete(instance);
      this.events.left();
    }
    for (const instance of this.#dead) this.events.died(instance, this.#seen.get(instance)?.count ?? 0);
  }

  #miss(instance: string, sinceMs: number): void {
    this.#missing.set(instance, sinceMs);
    const [oldest] = this.#missing.keys();
    if (this.#missing.size > MAX_MISSING && oldest !== undefined) this.#missing.delete(oldest);
  }

  /** Tells whether somebody who was last heard at `sinceMs` has been silent for the whole lease, and would have been heard. */
  #isOver(sinceMs: number, leaseMs: number, now: number): boolean {
    return now - Math.max(sinceMs, this.#steadyMs) >= leaseMs + this.context.beatMs;
  }

  get #longestLeaseMs(): number {
    let longest = this.context.leaseMs;
    for (const { leaseMs } of this.#seen.values()) longest = Math.max(longest, leaseMs);
    return longest;
  }
}
