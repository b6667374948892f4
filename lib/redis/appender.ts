import { APPEND } from './append-script.js';
import type { Commands } from './commands.js';

/** After so many entries a call goes out before its turn is over, so that the server works while the rest is encoded. */
const ENTRIES_PER_CALL = 64;

/** Entries of one stream, and who is told what became of them. */
export interface Append {
  readonly stream: string;
  /** Id and text by turns. */
  readonly entries: readonly string[];
  /** @param appended false where the stream did not take them: then it took none of them */
  answered(appended: boolean): void;
  failed(error: unknown): void;
}

/** What the tasks of this instance append in one turn goes as one script call; on a cluster, as one call per task. */
export class Appender {
  #group: Append[] = [];
  #keys: string[] = [];
  #words: string[] = [];

  constructor(readonly commands: Commands) {}

  add(append: Append): void {
    if (this.#group.push(append) === 1) queueMicrotask(this.#flush);
    for (const word of append.entries) this.#words.push(word);
    for (let i = 0; i < append.entries.length; i += 2) this.#keys.push(append.stream);
    if (this.#keys.length >= ENTRIES_PER_CALL || this.commands.port.cluster) this.#flush();
  }

  readonly #flush = (): void => {
    const group = this.#group;
    if (group.length === 0) return;
    const reply = this.commands.run(APPEND, this.#keys, this.#words);
    this.#group = [];
    this.#keys = [];
    this.#words = [];
    reply.then(
      (failed) => {
        const missing = new Set(failed as number[]);
        let entry = 0;
        for (const each of group) {
          each.answered(missing.size === 0 || !missing.has(entry + 1));
          entry += each.entries.length / 2;
        }
      },
      (error: unknown) => {
        for (const each of group) each.failed(error);
      },
    );
  };
}
