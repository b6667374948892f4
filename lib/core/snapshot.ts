import { toJson } from './payload.js';
import type { SnapshotPast } from './ports.js';

/** How a handler folds progress into a state that stands for everything so far. */
export interface SnapshotOptions<P = unknown, S = unknown> {
  readonly initial: () => S;
  readonly reduce: (state: S, data: P) => S;
}

/** The state of one task, folded as its events are appended, encoded at most once per state. */
export class Snapshot {
  #state: unknown;
  #json: string | undefined;
  #broken = false;

  constructor(
    readonly options: SnapshotOptions,
    readonly onError: (error: unknown) => void,
  ) {
    this.#state = options.initial();
  }

  /** A reducer that throws costs the snapshot, not the event: from then on clients get a `gap` instead. */
  add(data: unknown): void {
    if (this.#broken) return;
    this.#json = undefined;
    this.#try(() => {
      this.#state = this.options.reduce(this.#state, data);
    });
  }

  /** Goes on from where another run of the task got to; undefined: that is lost, and there is no state any more. */
  resume(past: SnapshotPast | undefined): void {
    if (past === undefined) this.#broken = true;
    else if (past.state !== undefined) this.#state = JSON.parse(past.state);
    for (const json of past?.progress ?? []) this.add(JSON.parse(json));
  }

  toJson(): string | undefined {
    if (!this.#broken && this.#json === undefined) {
      this.#try(() => {
        this.#json = toJson(this.#state, Infinity);
      });
    }
    return this.#json;
  }

  #try(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#broken = true;
      this.onError(error);
    }
  }
}
