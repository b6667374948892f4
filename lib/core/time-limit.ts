import type { Clock } from './clock.js';
import { TaskError } from './errors.js';
import type { Awaitable, TaskWriter } from './ports.js';

/** How long a store may take to answer. */
export class TimeLimit {
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
      const cancel = this.clock.after(ms, () => {
        // After an event loop that stood still, an answer that came in time is read only now: it goes first.
        setImmediate(() => {
          reject(new TaskError('STORE_UNAVAILABLE', `The store did not answer within ${ms} ms`));
        });
      });
      answer.then(resolve, reject).finally(cancel);
    });
  }

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
