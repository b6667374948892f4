/** Folds the progress of a task into a state that stands for all of it. */
import { askSyncCallback, requireAtOnce, warnOfFailure } from '../callbacks.js';
import { showOption } from '../check-options.js';
import { TaskError } from '../errors.js';
import { toJson } from '../task/payload.js';
import { readProperty } from '../thrown.js';
import type { SnapshotPast } from '../ports.js';

/**
 * The two functions by which a handler folds progress into a state that stands for everything so far.
 *
 * @example tasks.handler(job, { snapshot: { initial: () => '', reduce: (text, token) => text + token } });
 */
export interface SnapshotOptions<P = unknown, S = unknown> {
  /** Returns the state before any progress. Called once per run. */
  readonly initial: () => S;
  /** Returns the state after `data`. It may change `state` and return it. It must neither write events nor be async. */
  readonly reduce: (state: S, data: P) => S;
}

/** Folds the progress of one task into a state that stands for all of it. */
export interface ProgressFold {
  /**
   * Takes one more progress value, which has become event `seq`. It keeps no reference to `data`, which the job may
   * change later.
   */
  add(data: unknown, seq: number): void;
  /** Returns the state as JSON, or undefined where it has grown beyond its limit; late clients then get a gap. */
  toJson(): string | undefined;
  /** Continues from a state that `toJson` has returned, perhaps on another instance. */
  restore(json: string): void;
}

/**
 * The origin of a state: the functions of a handler, or a maker of the fold of a wire, which is made anew for each run.
 */
export type SnapshotSource = SnapshotOptions | (() => ProgressFold);

/** A state is measured again once this much progress, and as much as its last size, has been folded into it. */
const MEASURED_EVERY_BYTES = 65_536;

/** Holds the state of one task. It is folded as events are appended, and encoded at most once per state. */
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

  /** True while a function of the handler is at work, which must not write events. */
  get isFolding(): boolean {
    return this.#isFolding;
  }

  /** The approximate memory of the state: its length as JSON when it was last measured. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Folds `data`. A reducer that throws costs the snapshot, not the event: from then on late clients get a `gap`.
   * @param bytes the length of `data` as JSON
   */
  add(data: unknown, seq = 0, bytes = 0): void {
    if (this.#broken) return;
    this.#json = undefined;
    this.#isFolding = true;
    this.#try(() => this.#fold.add(data, seq));
    this.#isFolding = false;
    this.#bytesSinceMeasured += bytes;
    if (this.#bytesSinceMeasured > Math.max(MEASURED_EVERY_BYTES, this.#bytes)) this.toJson();
  }

  /**
   * Continues from where another run of the task got to. With undefined that is lost, and there is no state any more.
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

  /** Gives the state up, because it contains an event that the log does not, or lacks one that the log has. */
  giveUp(): void {
    this.#broken = true;
    this.#json = undefined;
    this.#bytes = 0;
  }

  toJson(): string | undefined {
    if (!this.#broken && this.#json === undefined) {
      this.#try(() => {
        this.#json = requireText(this.#fold.toJson());
        this.#bytes = this.#json?.length ?? 0;
        this.#bytesSinceMeasured = 0;
      });
    }
    return this.#json;
  }

  /** Calls a function of the fold, which may be the user's. */
  #try(call: () => unknown): void {
    try {
      requireAtOnce('the fold of a snapshot', call());
    } catch (cause) {
      this.giveUp();
      const known = cause instanceof TaskError;
      this.onError(known ? cause : new TaskError('CALLBACK_FAILED', 'The callback snapshot.reduce failed', { cause }));
    }
  }
}

/** @throws TaskError `CALLBACK_FAILED` unless the state of a fold is text, or undefined */
function requireText(json: unknown): string | undefined {
  const text = requireAtOnce('toJson', json);
  if (text === undefined || typeof text === 'string') return text;
  throw new TaskError('CALLBACK_FAILED', `Expected toJson to return JSON text or undefined, got ${typeof text}`);
}

/**
 * Makes the fold of a run before anything is stored for it, because a function of the user's may throw. Returns the
 * source of that one fold.
 * @throws TaskError `CALLBACK_FAILED` where a handler's `initial` throws, or a wire's `fold` returns no fold
 */
export function makeFold(source: SnapshotSource | undefined): SnapshotSource | undefined {
  const fold = source && createFold(source);
  return fold && (() => fold);
}

/** Returns a fold that has seen nothing yet. @throws TaskError as `makeFold` */
function createFold(source: SnapshotSource): ProgressFold {
  if (typeof source !== 'function') return new StateFold(source);
  const fold: unknown = source();
  const isFold = FOLD_METHODS.every((name) => typeof readProperty(fold, name) === 'function');
  if (isFold) return fold as ProgressFold;
  const rule = `an object with ${FOLD_METHODS.join(', ')}`;
  const error = new TaskError('CALLBACK_FAILED', `Expected wire.fold to return ${rule}, got ${showOption(fold)}`);
  warnOfFailure('wire.fold', error);
  throw error;
}

const FOLD_METHODS = ['add', 'toJson', 'restore'] as const satisfies readonly (keyof ProgressFold)[];

/** Folds with the functions of a handler. */
class StateFold implements ProgressFold {
  #state: unknown;

  constructor(readonly options: SnapshotOptions) {
    this.#state = askSyncCallback('snapshot.initial', options.initial);
  }

  add(data: unknown): void {
    this.#state = requireAtOnce('snapshot.reduce', this.options.reduce(this.#state, data));
  }

  toJson(): string {
    return toJson(this.#state, Infinity);
  }

  restore(json: string): void {
    this.#state = JSON.parse(json);
  }
}
