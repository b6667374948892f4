import { toJson } from './payload.js';
import type { SnapshotPast } from './ports.js';

/** How a handler folds progress into a state that stands for everything so far. */
export interface SnapshotOptions<P = unknown, S = unknown> {
  readonly initial: () => S;
  readonly reduce: (state: S, data: P) => S;
}

/** Folds the progress of one task into a state that stands for all of it. */
export interface ProgressFold {
  /** Takes one more progress value, which has become event `seq`. Keeps nothing that the job might change later. */
  add(data: unknown, seq: number): void;
  /** The state as JSON; undefined where it has grown beyond its limit: then late clients get a gap. */
  toJson(): string | undefined;
  /** Goes on from a state that `toJson` has returned, perhaps on another instance. */
  restore(json: string): void;
}

/** Where a state comes from: what a handler has said, or the fold of a wire, made anew for each run. */
export type SnapshotSource = SnapshotOptions | (() => ProgressFold);

/** The state of one task, folded as its events are appended, encoded at most once per state. */
export class Snapshot {
  readonly #fold: ProgressFold;
  #json: string | undefined;
  #broken = false;

  constructor(
    source: SnapshotSource,
    readonly onError: (error: unknown) => void,
  ) {
    this.#fold = createFold(source);
  }

  /** A reducer that throws costs the snapshot, not the event: from then on clients get a `gap` instead. */
  add(data: unknown, seq = 0): void {
    if (this.#broken) return;
    this.#json = undefined;
    this.#try(() => {
      this.#fold.add(data, seq);
    });
  }

  /**
   * Goes on from where another run of the task got to; undefined: that is lost, and there is no state any more.
   * @param lastSeq of the log: the progress of the past is taken to have ended it
   */
  resume(past: SnapshotPast | undefined, lastSeq = 0): void {
    if (past === undefined) {
      this.giveUp();
      return;
    }
    const { state, progress } = past;
    if (state !== undefined) this.#try(() => this.#fold.restore(state));
    for (const [index, json] of progress.entries()) this.add(JSON.parse(json), lastSeq + 1 + index - progress.length);
  }

  /** The state holds what is not in the log, or lacks what is: there is none any more. */
  giveUp(): void {
    this.#broken = true;
    this.#json = undefined;
  }

  toJson(): string | undefined {
    if (!this.#broken && this.#json === undefined) {
      this.#try(() => {
        this.#json = this.#fold.toJson();
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

/** A fold that has seen nothing yet. @throws whatever a handler's `initial` throws */
export const createFold = (source: SnapshotSource): ProgressFold =>
  typeof source === 'function' ? source() : new StateFold(source);

/** The state that a handler's own functions fold. */
class StateFold implements ProgressFold {
  #state: unknown;

  constructor(readonly options: SnapshotOptions) {
    this.#state = options.initial();
  }

  add(data: unknown): void {
    this.#state = this.options.reduce(this.#state, data);
  }

  toJson(): string {
    return toJson(this.#state, Infinity);
  }

  restore(json: string): void {
    this.#state = JSON.parse(json);
  }
}
