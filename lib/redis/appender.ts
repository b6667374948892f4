import { APPEND } from './append-script.js';
import type { Batch } from './batch.js';
import type { Commands } from './commands.js';

/** After so many entries a call goes out before its turn is over, so that the server works while the rest is encoded. */
const ENTRIES_PER_CALL = 40;

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

  constructor(readonly commands: Commands) {}

  add(writer: Appending, batch: Batch): void {
    if (this.#writers.push(writer) === 1) queueMicrotask(this.#flush);
    this.#batches.push(batch);
    const { entries } = batch;
    for (let i = 0; i < entries.length; i++) {
      if (i % 2 === 0) this.#keys.push(writer.stream);
      this.#words.push(entries[i] as string);
    }
    if (this.#keys.length >= ENTRIES_PER_CALL || this.commands.port.cluster) this.#flush();
  }

  readonly #flush = (): void => {
    const [writers, batches] = [this.#writers, this.#batches];
    if (writers.length === 0) return;
    const reply = this.commands.run(APPEND, this.#keys, this.#words);
    [this.#writers, this.#batches, this.#keys, this.#words] = [[], [], [], []];
    reply.then(
      (failed) => {
        const missing = new Set(failed as number[]);
        let entry = 1;
        writers.forEach((writer, index) => {
          const batch = batches[index] as Batch;
          writer.appended(batch, missing.size === 0 || !missing.has(entry));
          entry += batch.entries.length / 2;
        });
      },
      (error: unknown) => {
        writers.forEach((writer, index) => {
          writer.appendFailed(batches[index] as Batch, error);
        });
      },
    );
  };
}
