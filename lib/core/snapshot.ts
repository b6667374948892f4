/** The state that stands for all progress of a task so far. */
import { askSyncCallback } from './callbacks.js';
import { TaskError } from './errors.js';
import { toJson } from './payload.js';
import type { SnapshotPast } from './ports.js';
import { readProperty } from './thrown.js';

/** How a handler folds progress into a state that stands for everything so far. */
export interface SnapshotOptions<P = unknown, S = unknown> {
  /** Returns the state before any progress; called once per run. */
  readonly initial: () => S;
  /** Returns the state after `data`. It may change `state` and return it, but must neither write events nor be async. */
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

/** A state is measured again when this much progress, and as much as it was found to be, has been folded into it. */
const MEASURED_EVERY_BYTES = 65_536;

/** The state of one task, folded as its events are appended, encoded at most once per state. */
export class Snapshot {
  readonly #fold: ProgressFold;
  #json: string | undefined;
  #broken = false;
  #isFolding = false;
  #bytes = 0;
  #bytesSinceMeasured = 0;

  constructor(
    source: SnapshotSource,
    readonly onError: (error: unknown) => void,
  ) {
    this.#fold = createFold(source);
  }

  /** A function of the handler's is at work: it must not write events. */
  get isFolding(): boolean {
    return this.#isFolding;
  }

  /** About how much memory the state takes: its length as JSON when it was last measured. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Folds `data`. A reducer that throws costs the snapshot, not the event: from then on clients get a `gap` instead.
   * @param bytes the length of `data` as JSON
   */
  add(data: unknown, seq = 0, bytes = 0): void {
    if (this.#broken) return;
    this.#json = undefined;
    this.#isFolding = true;
    this.#try(() => {
      this.#fold.add(data, seq);
    });
    this.#isFolding = false;
    this.#bytesSinceMeasured += bytes;
    if (this.#bytesSinceMeasured > Math.max(MEASURED_EVERY_BYTES, this.#bytes)) this.toJson();
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
    this.#bytes = 0;
  }

  toJson(): string | undefined {
    if (!this.#broken && this.#json === undefined) {
      this.#try(() => {
        this.#json = this.#fold.toJson();
        this.#bytes = this.#json?.length ?? 0;
        this.#bytesSinceMeasured = 0;
      });
    }
    return this.#json;
  }

  #try(fn: () => void): void {
    try {
      fn();
    } catch (cause) {
      this.giveUp();
      const known = cause instanceof TaskError;
      this.onError(known ? cause : new TaskError('CALLBACK_FAILED', 'The callback snapshot.reduce failed', { cause }));
    }
  }
}

/** A fold that has seen nothing yet. @throws TaskError `CALLBACK_FAILED` where a handler's `initial` throws */
export const createFold = (source: SnapshotSource): ProgressFold =>
  typeof source === 'function' ? source() : new StateFold(source);

/** The state that a handler's own functions fold. */
class StateFold implements ProgressFold {
  #state: unknown;

  constructor(readonly options: SnapshotOptions) {
    this.#state = askSyncCallback('snapshot.initial', options.initial);
  }

  add(data: unknown): void {
    const state = this.options.reduce(this.#state, data);
    if (typeof state === 'object' && state !== null && typeof readProperty(state, 'then') === 'function') {
      Promise.resolve(state).catch(() => undefined);
      throw new TaskError('CALLBACK_FAILED', 'Expected snapshot.reduce to return a state at once, got a promise');
    }
    this.#state = state;
  }

  toJson(): string {
    return toJson(this.#state, Infinity);
  }

  restore(json: string): void {
    this.#state = JSON.parse(json);
  }
}
