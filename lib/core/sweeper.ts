import type { Clock } from './clock.js';
import type { Awaitable } from './ports.js';

/** One timer, which runs while there is something to look after. */
export class Sweeper {
  #cancel: (() => void) | undefined;

  /** @param sweep true while anything is left; an error counts as that */
  constructor(
    readonly clock: Clock,
    readonly intervalMs: number,
    readonly sweep: () => Awaitable<boolean>,
  ) {}

  start(): void {
    this.#cancel ??= this.clock.every(this.intervalMs, () => void this.#run());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #run(): Promise<void> {
    try {
      if (!(await this.sweep())) this.stop();
    } catch {
      // The store did not answer; what is due now is still due at the next turn.
    }
  }
}
