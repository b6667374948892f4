/** Tries again, with one timer, to send what the store has refused for the moment. */
import type { Clock } from '../../core/clock.js';
import { RETRY_MS } from '../context.js';

/** Tries again what the store did not take, everything together, with one timer for all. */
export class Retries {
  #due: (() => void)[] = [];

  constructor(readonly clock: Clock) {}

  add(retry: () => void): void {
    if (this.#due.push(retry) === 1) this.clock.after(RETRY_MS, this.#run);
  }

  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const retry of due) retry();
  };
}
