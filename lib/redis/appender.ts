import { APPEND } from './append-script.js';
import type { Batch } from './batch.js';
import type { Commands } from './commands.js';

/**
 * The first call of a turn takes so many entries, the next ones twice as many as the one before: the server has something
 * to do soon, and while the rest is encoded.
 */
const FIRST_CALL_ENTRIES = 25;

/** Who appends to a stream, and is told what became of it. */
export interface Appending {
  readonly stream: string;
  appended(batch: Batch, isAppended: boolean): void;
  appendFailed(batch: Batch, error: unknown): void;
}

/** What the tasks of this instance append in one turn goes as one script call; on a cluster, as one call per task. */
export class Appender {
  #writers: Appending[] = [];
  #batches: Batch[] = [];
  #keys: string[] = [];
  #words: string[] = [];
  #callEntries = FIRST_CALL_ENTRIES;

  constructor(readonly commands: Commands) {}

  add(writer: Appending, batch: Batch): void {
    if (this.#writers.push(writer) === 1) queueMicrotask(this.#endTurn);
    this.#batches.push(batch);
    const { entries } = batch;
    for (let i = 0; i < entries.length; i++) {
      if (i % 2 === 0) this.#keys.push(writer.stream);
      this.#words.push(entries[i] as string);
    }
    if (this.#keys.length >= this.#callEntries || this.commands.port.cluster) this.#flush();
  }

  readonly #endTurn = (): void => {
    this.#flush();
    this.#callEntries = FIRST_CALL_ENTRIES;
  };

  #flush(): void {
    this.#callEntries *= 2;
    const [writers, batches] = [this.#writers, this.#batches];
    if (writers.length === 0) return;
    const reply = this.commands.run(APPEND, this.#keys, this.#words);
    [this.#writers, this.#batches, this.#keys, this.#words] = [[], [], [], []];
    reply.then(
      (failed) => {
        const missing = failed as number[]; // nearly always none
        let end = 0;
        writers.forEach((writer, index) => {
          const batch = batches[index] as Batch;
          const start = end;
          end += batch.entries.length / 2;
          writer.appended(batch, !missing.some((entry) => entry > start && entry <= end));
        });
      },
      (error: unknown) => {
        writers.forEach((writer, index) => {
          writer.appendFailed(batches[index] as Batch, error);
        });
      },
    );
  }
}
