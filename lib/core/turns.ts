/** Keeps jobs that do nothing but await from starving everybody else in the process. */
import type { Clock } from './clock.js';

/** A turn of the event loop is over after this many answers… */
const ANSWERS_PER_TURN = 128;
/** …or after this long, whichever comes first. */
const TURN_MS = 10;

/**
 * Promises that are settled already go on within the same turn of the event loop, however often they are awaited: no
 * client is served, and no time-out kept, until something really waits. So every so often an answer takes a turn. One for
 * all jobs of a manager, since they share the loop.
 */
export class Turns {
  #answers = 0;
  #beganMs: number;
  #next: Promise<void> | undefined;

  constructor(readonly clock: Clock) {
    this.#beganMs = clock.wallNow();
  }

  /**
   * Counts an answer. Returns what it has to wait for, or undefined where it need not.
   * @param wallMs the wall clock, which a caller has mostly looked at just before, and which is slow to look at; a jump of
   * it costs a turn, nothing else. Without it answers are counted alone
   */
  next(wallMs = this.#beganMs): Promise<void> | undefined {
    if (this.#next !== undefined) return this.#next;
    const elapsedMs = wallMs - this.#beganMs;
    if (++this.#answers < ANSWERS_PER_TURN && elapsedMs < TURN_MS && elapsedMs >= 0) return undefined;
    return (this.#next = new Promise((resolve) => {
      setImmediate(() => {
        this.#answers = 0;
        this.#beganMs = this.clock.wallNow();
        this.#next = undefined;
        resolve();
      });
    }));
  }
}
