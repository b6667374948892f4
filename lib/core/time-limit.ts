import type { Clock } from './clock.js';
import { TaskError } from './errors.js';

/** What `answer` says. @throws TaskError `STORE_UNAVAILABLE` where that takes longer than `ms` */
export function within<T>(clock: Clock, ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      reject(new TaskError('STORE_UNAVAILABLE', `The store did not answer within ${ms} ms`));
    });
    answer.then(resolve, reject).finally(cancel);
  });
}
