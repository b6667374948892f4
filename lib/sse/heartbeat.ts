import { callEach } from '../core/callbacks.js';
import type { Clock } from '../core/clock.js';
import { ChunkWriter } from './chunks.js';
import { HEARTBEAT } from './frame.js';

/** What the shared timer calls. */
export interface Beating {
  beat(): void;
  retire(): void;
}

export interface HeartbeatSettings {
  readonly clock: Clock;
  /** 0: off. */
  readonly heartbeatMs: number;
  readonly stallTimeoutMs: number;
  /** 0: off. */
  readonly maxConnectionAgeMs: number;
  readonly retryMs: number;
  /** What is sent where there was silence. Default: a comment. */
  readonly beat?: string;
}

/** How many ticks the shortest of the three times takes. */
const RESOLUTION = 4;

/**
 * All open connections and the one timer that they share: it beats where there was silence, closes what has stalled
 * and what is too old. Connections remember ticks, so that a write costs no look at the clock.
 */
export class Heartbeat {
  ticks = 0;
  /** Shared as well: what the connections write with. */
  readonly chunks = new ChunkWriter();
  readonly silenceTicks: number;
  readonly stallTicks: number;
  readonly beat: string;
  readonly #periodMs: number;
  readonly #connections = new Set<Beating>();
  #stopTimer: (() => void) | undefined;

  constructor(readonly settings: HeartbeatSettings) {
    const { heartbeatMs, stallTimeoutMs, maxConnectionAgeMs } = settings;
    this.beat = settings.beat ?? HEARTBEAT;
    const times = [heartbeatMs, stallTimeoutMs, maxConnectionAgeMs].filter((ms) => ms > 0);
    // Node's timers drop the fraction of a millisecond; the ticks must not be shorter than they are counted.
    this.#periodMs = Math.max(1, Math.floor(Math.min(...times) / RESOLUTION));
    // n ticks are between n - 1 and n periods: a silence is never longer than asked for, a stall never shorter.
    this.silenceTicks = heartbeatMs === 0 ? Infinity : Math.max(1, Math.floor(heartbeatMs / this.#periodMs));
    this.stallTicks = Math.ceil(stallTimeoutMs / this.#periodMs) + 1;
  }

  /** After how many ticks one connection is too old; jittered, so that those opened together do not end together. */
  nextAgeTicks(): number {
    const { maxConnectionAgeMs } = this.settings;
    return maxConnectionAgeMs === 0 ? Infinity : jitter(maxConnectionAgeMs) / this.#periodMs;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** The delay that one client is told to wait before it comes back, in ms. */
  nextRetryMs(): number {
    return Math.round(jitter(this.settings.retryMs));
  }

  add(connection: Beating): void {
    this.#connections.add(connection);
    this.#stopTimer ??= this.settings.clock.every(this.#periodMs, () => {
      this.ticks++;
      callEach('a heartbeat', this.#connections, beat);
    });
  }

  delete(connection: Beating): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Sends every client away, to come back later. */
  retireAll(): void {
    callEach('a connection that is sent away', this.#connections, retire);
  }
}

const beat = (connection: Beating): void => {
  connection.beat();
};
const retire = (connection: Beating): void => {
  connection.retire();
};

/** `ms` ± 25 %: what happened to many at once shall not happen to them at once again. */
const jitter = (ms: number): number => ms * (0.75 + Math.random() / 2);
