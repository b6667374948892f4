/** Counts the jobs that still work although their tasks have ended. */
import type { Run } from '../run/run.js';

/** Keeps the runs whose tasks have ended while their jobs still work. Such a job counts for the limits of running tasks. */
export class SettlingRuns {
  readonly #runs = new Set<Run>();
  /** The number of jobs that still run, by owner. */
  readonly #jobsOf = new Map<string | undefined, number>();
  readonly #late = new Set<Run>();

  get size(): number {
    return this.#runs.size;
  }

  values(): Iterable<Run> {
    return this.#runs;
  }

  /** Jobs of `owner` that still run. */
  of(owner: string | undefined): number {
    return this.#jobsOf.get(owner) ?? 0;
  }

  add(run: Run): void {
    this.#runs.add(run);
    if (run.isSettled) return; // only the store has yet to say that the task has ended
    this.#late.add(run);
    this.#jobsOf.set(run.record.owner, this.of(run.record.owner) + 1);
  }

  delete(run: Run): void {
    this.#runs.delete(run);
    if (!this.#late.delete(run)) return;
    const others = this.of(run.record.owner) - 1;
    if (others > 0) this.#jobsOf.set(run.record.owner, others);
    else this.#jobsOf.delete(run.record.owner);
  }
}
