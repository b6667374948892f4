/** Cancels tasks that nobody has been attached to for `abandonAfterMs`. */
import type { Clock } from '../clock.js';
import { Deadlines } from '../deadlines.js';
import { abandoned } from '../errors.js';
import type { Run } from '../run/run.js';

/** Keeps the runs that nobody is attached to, and cancels those whose time is over. */
export class IdleRuns {
  readonly #idle = new Deadlines<Run>();

  /** @param firstMs a task that may not be alone for a moment still has to be reached by its first subscriber */
  constructor(
    readonly clock: Clock,
    readonly firstMs: number,
  ) {}

  /** Notes how many subscribers are attached to the run now, as far as this instance has heard. */
  audienceChanged(run: Run, subscribers: number): void {
    if (subscribers > 0) this.delete(run);
    else if (run.options.abandonAfterMs === 0) void this.#abandon(run);
    else this.#add(run);
  }

  /** Notes that the run has begun. */
  begun(run: Run): void {
    if (run.subscribers === 0) this.#add(run);
  }

  delete(run: Run): void {
    this.#idle.delete(run, this.#delayMs(run));
  }

  /** Cancels what is due. */
  sweep(): void {
    for (const run of this.#idle.take(this.clock.now())) void this.#abandon(run);
  }

  /** Asks the store before it cancels anything, because the count that this instance has heard may be out of date. */
  async #abandon(run: Run): Promise<void> {
    try {
      const counting = run.writer.countSubscribers();
      const subscribers = counting instanceof Promise ? await counting : counting;
      if (subscribers === 0 && run.subscribers === 0) run.stop('cancelled', abandoned());
    } catch {
      this.#add(run); // the count is unknown, so the next sweep asks again
    }
  }

  #add(run: Run): void {
    this.#idle.add(run, this.#delayMs(run), this.clock.now());
  }

  #delayMs({ options: { abandonAfterMs } }: Run): number {
    return abandonAfterMs === 0 ? this.firstMs : abandonAfterMs;
  }
}
