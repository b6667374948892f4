/** Does what one tick has to do together in the next turn of the event loop, so that its calls travel together. */
import type { Clock } from '../core/clock.js';

export class Turn implements Pick<Clock, 'now' | 'wallNow'> {
  #due: (() => void)[] = [];
  /** The times at which the work of this turn began; undefined between turns. */
  #nowMs: number | undefined;
  #wallMs: number | undefined;

  constructor(readonly clock: Pick<Clock, 'now' | 'wallNow'>) {}

  add(work: () => void): void {
    if (this.#due.push(work) === 1) setImmediate(this.#run);
  }

  /** Returns the time, which is looked up once for all work of a turn. */
  now(): number {
    return this.#nowMs ?? this.clock.now();
  }

  /** Returns the wall clock in the same way. */
  wallNow(): number {
    return this.#wallMs ?? this.clock.wallNow();
  }

  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    this.#nowMs = this.clock.now();
    this.#wallMs = this.clock.wallNow();
    try {
      for (const work of due) work();
    } finally {
      this.#nowMs = undefined;
      this.#wallMs = undefined;
    }
  };
}
