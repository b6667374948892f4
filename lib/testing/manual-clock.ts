/** Makes a clock that a test moves by hand. */
import type { Clock } from '../core/clock.js';

interface Timer {
  due: number;
  readonly everyMs: number | undefined;
  readonly fn: () => void;
}

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** @param startedAtMs the wall clock at the start, ms since 1970 */
  constructor(readonly startedAtMs = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.startedAtMs + this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    return this.#add({ due: this.#now + ms, everyMs: undefined, fn });
  }

  every(ms: number, fn: () => void): () => void {
    return this.#add({ due: this.#now + ms, everyMs: ms, fn });
  }

  /** The periods of the timers that repeat, in the order they were made. */
  get periods(): readonly number[] {
    return [...this.#timers].flatMap(({ everyMs }) => everyMs ?? []);
  }

  /** The number of timers that wait, of both kinds. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The time until something falls due, in ms; Infinity where nothing does. */
  get nextIn(): number {
    return (this.#nextDue(Infinity)?.due ?? Infinity) - this.#now;
  }

  /** Moves on by `ms`; what falls due on the way is called at its own time, earliest first. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#nextDue(end); timer !== undefined; timer = this.#nextDue(end)) {
      this.#now = timer.due;
      if (timer.everyMs === undefined) this.#timers.delete(timer);
      else timer.due += timer.everyMs;
      timer.fn();
    }
    this.#now = end;
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  #nextDue(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.due <= end && timer.due < (next?.due ?? Infinity)) next = timer;
    return next;
  }
}

/**
 * Makes a clock for the manager's option `clock`. Nothing falls due until `advance` is called, so no fake timers of a
 * runner are needed; those would also stop `setImmediate`, which the library waits on.
 * @param startMs the wall clock at the start, ms since 1970; default: the beginning of 2026
 */
export const createManualClock = (startMs?: number): ManualClock => new ManualClock(startMs);
