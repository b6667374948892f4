/** Looks for expired and abandoned tasks with one timer. */
import type { Clock } from '../clock.js';
import type { Awaitable } from '../ports.js';

/** Calls `sweep` at an interval for as long as there is something to look after. */
export class Sweeper {
  #cancel: (() => void) | undefined;
  #starts = 0;

  /** @param sweep true while anything is left; an error counts as that */
  constructor(
    readonly clock: Clock,
    readonly intervalMs: number,
    readonly sweep: () => Awaitable<boolean>,
  ) {}

  start(): void {
    this.#starts++;
    this.#cancel ??= this.clock.every(this.intervalMs, () => void this.#run());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #run(): Promise<void> {
    const starts = this.#starts;
    try {
      const left = await this.sweep();
      // Something that came while the store was asked may not be in its answer.
      if (!left && this.#starts === starts) this.stop();
    } catch {
      // The store did not answer; what is due now is still due at the next turn.
    }
  }
}
