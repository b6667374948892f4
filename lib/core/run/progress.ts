/** Encodes the events that a job writes at the call, and appends them in the order of the calls. */
import type { Clock } from '../clock.js';
import { TaskError } from '../errors.js';
import { optional } from '../optional-promise.js';
import { checkEventName, toJson } from '../task/payload.js';
import type { Awaitable } from '../ports.js';
import type { Snapshot } from './snapshot.js';
import type { UpdateProgress } from '../task/task.js';
import type { EventLoopYielder } from './event-loop-yielder.js';

const DONE = Promise.resolve();

/** The part of a run that `Progress` uses. */
export interface ProgressTarget {
  readonly settings: { readonly maxEventBytes: number; readonly yielder: EventLoopYielder; readonly clock: Clock };
  readonly snapshot: Snapshot | undefined;
  /** Appends to the log. @throws TaskError */
  append(event: string | undefined, json: string): Awaitable<void>;
  /** The wall clock when the log last grew, which is known without looking at the clock. */
  readonly updatedAtMs: number;
  /** The seq of the event that was appended last. */
  readonly seq: number;
  /** @param wasAppended the store has refused the event after it was handed over */
  refused(error: unknown, wasAppended: boolean): void;
}

/** Keeps the one answer to all events that wait for the same commit and the same turn of the event loop. */
interface Answered {
  readonly committed: Promise<void>;
  readonly turn: Promise<void> | undefined;
  readonly answer: Promise<void>;
}

/**
 * Writes progress and named events for one run. Awaiting its promises is optional, and a loop of awaits never starves
 * the event loop.
 */
export class Progress {
  /** The last answer. Events that a store commits together share it, since they have one fate. */
  #answered: Answered | undefined;

  constructor(readonly target: ProgressTarget) {}

  readonly update: UpdateProgress = (data) => {
    const { target } = this;
    try {
      const json = toJson(data, target.settings.maxEventBytes);
      assertNotFolding(target.snapshot);
      const committed = target.append(undefined, json);
      target.snapshot?.add(data, target.seq, json.length);
      return this.#committed(committed);
    } catch (error) {
      return this.#refused(error);
    }
  };

  readonly emit = (event: string, data: unknown): Promise<void> => {
    const { target } = this;
    try {
      checkEventName(event);
      assertNotFolding(target.snapshot);
      return this.#committed(target.append(event, toJson(data, target.settings.maxEventBytes)));
    } catch (error) {
      return this.#refused(error);
    }
  };

  #committed(committed: Awaitable<void>): Promise<void> {
    const { target } = this;
    const { yielder } = target.settings;
    if (!(committed instanceof Promise)) return yielder.next(target.updatedAtMs) ?? DONE;
    const turn = yielder.next();
    const last = this.#answered;
    if (last?.committed === committed && last.turn === turn) return last.answer;
    const answered = turn === undefined ? committed : committed.then(() => turn);
    const answer = optional(answered.catch((error: unknown) => this.#refused(error, true)));
    this.#answered = { committed, turn, answer };
    return answer;
  }

  /** Rejects, and tells the run as well, because nobody has to await the promise. */
  #refused(error: unknown, wasAppended = false): Promise<void> {
    const { target } = this;
    target.refused(error, wasAppended);
    const { yielder, clock } = target.settings;
    const turn = yielder.next(clock.wallNow());
    const refuse = (): never => {
      throw error;
    };
    return optional(turn === undefined ? Promise.reject(error) : turn.then(refuse));
  }
}

/** Refuses events of a reducer, which would be called for them too, in the middle of its own work. */
function assertNotFolding(snapshot: Snapshot | undefined): void {
  if (snapshot?.isFolding !== true) return;
  throw new TaskError('CALLBACK_FAILED', 'snapshot.reduce must not write events: it only folds them');
}
