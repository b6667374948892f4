/** The source of time: durations are monotonic, timers take any length and keep no process alive. */
import { runOutsideContext } from './async-context.js';

/** The longest delay a Node timer takes; a longer one would fire at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Time as the library sees it. Replace it in tests to move time by hand. */
export interface Clock {
  /** Returns monotonic milliseconds from an arbitrary start. Every duration is measured with it. */
  now(): number;
  /** Returns milliseconds since 1970. They are only ever shown, never compared. */
  wallNow(): number;
  /**
   * Calls `fn` once after `ms`, which may be of any length; after Infinity it is never called. Returns a function that
   * cancels it. Keeps no process alive.
   */
  after(ms: number, fn: () => void): () => void;
  /** Calls `fn` every `ms`. Returns a function that stops it. Keeps no process alive. */
  every(ms: number, fn: () => void): () => void;
}

export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  wallNow: () => Date.now(),

  after(ms: number, fn: () => void): () => void {
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = due - performance.now();
      timer = left > MAX_DELAY_MS ? setTimeout(arm, MAX_DELAY_MS) : setTimeout(fn, Math.max(0, left)); // Node warns of less
      timer.unref();
    };
    runOutsideContext(arm);
    return () => {
      clearTimeout(timer);
    };
  },

  every(ms: number, fn: () => void): () => void {
    const timer = runOutsideContext(() => setInterval(fn, Math.min(ms, MAX_DELAY_MS)).unref());
    return () => {
      clearInterval(timer);
    };
  },
});

/** Resolves after `ms`. */
export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });

/**
 * Keeps the process alive, for what only timers of the system's clock will go on with, until the returned function is
 * called. A clock of a test is moved by that test.
 */
export function stayAlive(clock: Clock): () => void {
  if (clock !== systemClock) return () => undefined;
  const timer = runOutsideContext(() => setInterval(() => undefined, MAX_DELAY_MS));
  return () => {
    clearInterval(timer);
  };
}
