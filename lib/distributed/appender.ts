import type { Batch, Fate } from './calls.js';
import type { TaskDriver } from './driver.js';

/** Somebody who appends to a log and is told what became of it. */
export interface Appending {
  settled(batch: Batch, fate: Fate): void;
}

/** Sends what all tasks of this instance append in one turn as one call. */
export class Appender {
  #writers: Appending[] = [];
  #batches: Batch[] = [];

  constructor(readonly driver: Pick<TaskDriver, 'append'>) {}

  add(writer: Appending, batch: Batch): void {
    if (this.#writers.push(writer) === 1) queueMicrotask(this.#flush);
    this.#batches.push(batch);
  }

  readonly #flush = (): void => {
    const writers = this.#writers;
    const batches = this.#batches;
    this.#writers = [];
    this.#batches = [];
    this.driver.append(batches).then(
      (fates) => {
        writers.forEach((writer, index) => {
          const fate = fates[index] ?? { kind: 'unknown', cause: new Error('The driver has not answered') };
          writer.settled(batches[index] as Batch, fate);
        });
      },
      (cause: unknown) => {
        writers.forEach((writer, index) => {
          writer.settled(batches[index] as Batch, { kind: 'unknown', cause });
        });
      },
    );
  };
}
