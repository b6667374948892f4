/** Sends the batches of all tasks of one turn to the driver together. */
import type { TimeLimit } from '../../core/store/time-limit.js';
import type { Batch, Fate } from '../port/calls.js';
import type { TaskDriver } from '../port/driver.js';

/** Somebody who appends to a log and is told what became of it. */
export interface Appending {
  settled(batch: Batch, fate: Fate): void;
}

/**
 * The first call of a turn is sent once its events take this many bytes, and each further one with twice as many as the one
 * before: so the store works while the rest of the turn is encoded, and there are few calls.
 */
const FIRST_CALL_BYTES = 3_584;

/** Sends what all tasks of this instance append in one turn in few calls, and tells each as soon as its fate is known. */
export class Appender {
  #call: AppendingCall | undefined;
  #callBytes = FIRST_CALL_BYTES;

  constructor(
    readonly driver: Pick<TaskDriver, 'append'>,
    readonly limit: TimeLimit,
  ) {}

  add(writer: Appending, batch: Batch): void {
    if (this.#call === undefined) {
      this.#call = new AppendingCall();
      if (this.#callBytes === FIRST_CALL_BYTES) queueMicrotask(this.#endTurn);
    }
    if (this.#call.add(writer, batch) >= this.#callBytes) this.#send();
  }

  readonly #endTurn = (): void => {
    this.#send();
    this.#callBytes = FIRST_CALL_BYTES;
  };

  #send(): void {
    const call = this.#call;
    this.#call = undefined;
    this.#callBytes *= 2;
    call?.send(this.driver, this.limit);
  }
}

/** The batches of one call, and who has not been told of theirs yet. */
class AppendingCall {
  readonly #writers: (Appending | undefined)[] = [];
  readonly #batches: Batch[] = [];
  #left = 0;
  #bytes = 0;
  #done: () => void = () => undefined;

  /** Returns the size of all its events, in bytes. */
  add(writer: Appending, batch: Batch): number {
    this.#left = this.#writers.push(writer);
    this.#batches.push(batch);
    for (const { bytes } of batch.entries) this.#bytes += bytes;
    return this.#bytes;
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
