/** Sends the heartbeats of all open connections, and closes those that stall or are too old, with one timer. */
import { callEach } from '../core/callbacks.js';
import type { Clock } from '../core/clock.js';
import { ChunkWriter } from './chunks.js';
import { HEARTBEAT } from './frame.js';

/** A connection, as the shared timer sees it. */
export interface HeartbeatTarget {
  beat(): void;
  sendAway(): void;
}

export interface HeartbeatSettings {
  readonly clock: Clock;
  /** In ms; 0 turns it off. */
  readonly heartbeatMs: number;
  readonly stallTimeoutMs: number;
  /** In ms; 0 turns it off. */
  readonly maxConnectionAgeMs: number;
  readonly retryMs: number;
  /** The frame that is sent after a silence. Default: a comment. */
  readonly beat?: string;
}

/** The number of ticks that the shortest of the three times takes. */
const RESOLUTION = 4;

/**
 * Keeps all open connections and the one timer that they share. It beats after a silence and closes connections that
 * have stalled or are too old. Connections remember ticks, so that a write costs no look at the clock.
 */
export class Heartbeat {
  ticks = 0;
  /** The writer that all connections share. */
  readonly chunks = new ChunkWriter();
  readonly silenceTicks: number;
  readonly stallTicks: number;
  readonly beat: string;
  readonly #periodMs: number;
  readonly #connections = new Set<HeartbeatTarget>();
  #stopTimer: (() => void) | undefined;

  constructor(readonly settings: HeartbeatSettings) {
    const { heartbeatMs, stallTimeoutMs, maxConnectionAgeMs } = settings;
    this.beat = settings.beat ?? HEARTBEAT;
    const times = [heartbeatMs, stallTimeoutMs, maxConnectionAgeMs].filter((ms) => ms > 0);
    // Node's timers drop the fraction of a millisecond, and a tick must not be shorter than it is counted.
    this.#periodMs = Math.max(1, Math.floor(Math.min(...times) / RESOLUTION));
    // Between n ticks lie n - 1 to n periods, so a silence is never longer than the option says and a stall never
    // shorter.
    this.silenceTicks = heartbeatMs === 0 ? Infinity : Math.max(1, Math.floor(heartbeatMs / this.#periodMs));
    this.stallTicks = Math.ceil(stallTimeoutMs / this.#periodMs) + 1;
  }

  /**
   * Returns the number of ticks after which one connection is too old. It is jittered, so that connections which were
   * opened together do not end together.
   */
  nextAgeTicks(): number {
    const { maxConnectionAgeMs } = this.settings;
    return maxConnectionAgeMs === 0 ? Infinity : jitter(maxConnectionAgeMs) / this.#periodMs;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Returns the delay that one client is told to wait before it reconnects, in ms. */
  nextRetryMs(): number {
    return Math.round(jitter(this.settings.retryMs));
  }

  add(connection: HeartbeatTarget): void {
    this.#connections.add(connection);
    this.#stopTimer ??= this.settings.clock.every(this.#periodMs, () => {
      this.ticks++;
      callEach('a heartbeat', this.#connections, beat);
    });
  }

  delete(connection: HeartbeatTarget): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Ends all connections. Their clients reconnect later. */
  sendAllAway(): void {
    callEach('a connection that is sent away', this.#connections, sendAway);
  }
}

const beat = (connection: HeartbeatTarget): void => {
  connection.beat();
};
const sendAway = (connection: HeartbeatTarget): void => {
  connection.sendAway();
};

/** Returns `ms` ± 25 %, so that events of many clients at once do not repeat at once. */
const jitter = (ms: number): number => ms * (0.75 + Math.random() / 2);
