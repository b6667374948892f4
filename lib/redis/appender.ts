import type { Clock } from '../core/clock.js';
import type { Commands, Script } from './commands.js';

/** After so many words a call goes out before its turn is over, so that the server works while the rest is encoded. */
const WORDS_PER_CALL = 512;

/** What one task appends; the same every time it is sent. */
export interface Append {
  readonly keys: readonly string[];
  readonly words: readonly string[];
  answered(reply: unknown): void;
  failed(error: unknown): void;
}

/** What the tasks of this instance append in one turn goes as one script call; on a cluster, as one call per task. */
export class Appender {
  #group: Append[] = [];
  #words = 0;

  constructor(
    readonly commands: Commands,
    readonly script: Script,
    readonly clock: Clock,
  ) {}

  add(append: Append): void {
    if (this.#group.push(append) === 1) queueMicrotask(this.#flush);
    this.#words += append.words.length;
    if (this.#words > WORDS_PER_CALL || this.commands.port.cluster) this.#flush();
  }

  readonly #flush = (): void => {
    const group = this.#group;
    if (group.length === 0) return;
    this.#group = [];
    this.#words = 0;
    const keys: string[] = [];
    const args = [String(this.clock.wallNow())];
    for (const each of group) {
      keys.push(...each.keys);
      args.push(String(each.words.length + 1));
      for (const word of each.words) args.push(word);
    }
    this.commands.run(this.script, keys, args).then(
      (replies) => {
        group.forEach((each, index) => each.answered((replies as unknown[])[index]));
      },
      (error: unknown) => {
        for (const each of group) each.failed(error);
      },
    );
  };
}
