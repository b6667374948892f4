/** Keeps jobs that do nothing but await from starving everybody else in the process. */
import type { Clock } from '../clock.js';

/** A turn of the event loop is over after this many answers… */
const ANSWERS_PER_TURN = 128;
/** …or after this long, whichever comes first. */
const TURN_MS = 10;

/**
 * Makes every so often an answer wait for a turn of the event loop. Promises that are already settled continue within
 * the same turn, however often they are awaited, so without this no client would be served and no time-out kept. All
 * jobs of a manager share one, since they share the loop.
 */
export class EventLoopYielder {
  #answers = 0;
  #beganMs: number;
  #next: Promise<void> | undefined;

  constructor(readonly clock: Clock) {
    this.#beganMs = clock.wallNow();
  }

  /**
   * Counts an answer. Returns the promise that it has to wait for, or undefined where it need not wait.
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
