import type { TimeLimit } from '../../core/store/time-limit.js';
import type { Batch, Fate } from '../port/calls.js';
import type { TaskDriver } from '../port/driver.js';

/** Somebody who appends to a log and is told what became of it. */
export interface Appending {
  settled(batch: Batch, fate: Fate): void;
}

/** Sends what all tasks of this instance append in one turn as one call, and tells each as soon as its fate is known. */
export class Appender {
  #turn: AppendingTurn | undefined;

  constructor(
    readonly driver: Pick<TaskDriver, 'append'>,
    readonly limit: TimeLimit,
  ) {}

  add(writer: Appending, batch: Batch): void {
    if (this.#turn === undefined) {
      this.#turn = new AppendingTurn();
      queueMicrotask(this.#flush);
    }
    this.#turn.add(writer, batch);
  }

  readonly #flush = (): void => {
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.send(this.driver, this.limit);
  };
}

/** The batches of one turn, and who has not been told of theirs yet. */
class AppendingTurn {
  readonly #writers: (Appending | undefined)[] = [];
  readonly #batches: Batch[] = [];
  #left = 0;
  #done: () => void = () => undefined;

  add(writer: Appending, batch: Batch): void {
    this.#left = this.#writers.push(writer);
    this.#batches.push(batch);
  }

  send(driver: Pick<TaskDriver, 'append'>, limit: TimeLimit): void {
    const done = new Promise<void>((resolve) => (this.#done = resolve));
    driver.append(this.#batches).forEach((fate, index) => {
      fate.then(
        (known) => {
          this.#tell(index, known);
        },
        (cause: unknown) => {
          this.#tell(index, { kind: 'unknown', cause });
        },
      );
    });
    limit.within(limit.ms, done).catch((cause: unknown) => {
      for (let index = 0; index < this.#writers.length; index++) this.#tell(index, { kind: 'unknown', cause });
    });
  }

  /** Tells whoever waits for a batch what became of it; what is answered later than that, nobody hears. */
  #tell(index: number, fate: Fate): void {
    const writer = this.#writers[index];
    if (writer === undefined) return;
    this.#writers[index] = undefined;
    if (--this.#left === 0) this.#done();
    writer.settled(this.#batches[index] as Batch, fate);
  }
}
