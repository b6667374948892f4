import type { Clock } from './clock.js';
import { Deadlines } from './deadlines.js';
import { TaskError } from './errors.js';
import type { Awaitable, TaskWriter } from './ports.js';

/** How long a store may take to answer. One timer for all answers that are waited for. */
export class TimeLimit {
  /** How each of them is refused. */
  readonly #waiting = new Deadlines<() => void>();
  #cancelTimer: (() => void) | undefined;
  #timerDueMs = Infinity;

  constructor(
    readonly clock: Clock,
    readonly ms: number,
  ) {}

  /**
   * What the store answers; at once where that is no promise.
   * @throws TaskError `STORE_UNAVAILABLE` where it takes too long; what was asked for may be done all the same
   */
  keep<T>(answer: Awaitable<T>): Awaitable<T> {
    return answer instanceof Promise ? this.within(this.ms, answer) : answer;
  }

  within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => {
        reject(new TaskError('STORE_UNAVAILABLE', `The store did not answer within ${ms} ms`));
      };
      const now = this.clock.now();
      this.#waiting.add(refuse, ms, now);
      if (now + ms < this.#timerDueMs) this.#arm();
      const answered = (): void => {
        this.#waiting.delete(refuse, ms);
        if (this.#waiting.nextMs === Infinity) this.#arm();
      };
      answer.then(
        (value) => {
          answered();
          resolve(value);
        },
        (error: unknown) => {
          answered();
          reject(error);
        },
      );
    });
  }

  /** For what falls due first, if anything. Where that is answered before, the timer comes in vain, once. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#timerDueMs = this.#waiting.nextMs;
    const left = this.#timerDueMs - this.clock.now();
    this.#cancelTimer = left === Infinity ? undefined : this.clock.after(left, this.#fire);
  }

  readonly #fire = (): void => {
    // After an event loop that stood still, an answer that came in time is read only now: it goes first.
    for (const refuse of this.#waiting.take(this.clock.now())) setImmediate(refuse);
    this.#arm();
  };

  /** The same writer under this limit. */
  writer(writer: TaskWriter): TaskWriter {
    return {
      get record() {
        return writer.record;
      },
      append: (event, json) => this.keep(writer.append(event, json)),
      finish: (status, json) => this.keep(writer.finish(status, json)),
      release: () => this.keep(writer.release()),
    };
  }
}
