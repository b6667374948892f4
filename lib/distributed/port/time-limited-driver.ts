/** Limits the time that any call of a driver may take. */
import { TaskError, unavailable } from '../../core/errors.js';
import type { TimeLimit } from '../../core/store/time-limit.js';
import type { TaskDriver } from './driver.js';

/** The same driver, whose calls are answered or rejected with TaskError `STORE_UNAVAILABLE` in time. */
export function withTimeLimit(driver: TaskDriver, limit: TimeLimit): TaskDriver {
  const limited =
    <A extends readonly unknown[], T>(call: (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> => {
      try {
        return await limit.within(limit.ms, call(...args));
      } catch (cause) {
        if (cause instanceof TaskError) throw cause;
        throw unavailable('The driver of the store failed; its own error is the cause', cause);
      }
    };
  return {
    open: (settings) => {
      driver.open(settings);
    },
    listen: (listener) => driver.listen(listener),
    create: limited((...args) => driver.create(...args)),
    read: limited((...args) => driver.read(...args)),
    look: limited((...args) => driver.look(...args)),
    append: (batches) => driver.append(batches), // whoever waits for all of a turn limits the time of each
    readAfter: limited((...args) => driver.readAfter(...args)),
    claim: limited((...args) => driver.claim(...args)),
    orphan: limited((...args) => driver.orphan(...args)),
    remove: limited((...args) => driver.remove(...args)),
    requestCancel: limited((...args) => driver.requestCancel(...args)),
    reportAudience: limited((...args) => driver.reportAudience(...args)),
    readAudience: limited((...args) => driver.readAudience(...args)),
    readDeparture: limited((...args) => driver.readDeparture(...args)),
    beat: limited((...args) => driver.beat(...args)),
    removeInstance: limited((...args) => driver.removeInstance(...args)),
    held: limited((...args) => driver.held(...args)),
    divide: limited((...args) => driver.divide(...args)),
    reindex: limited((...args) => driver.reindex(...args)),
    orphans: limited((...args) => driver.orphans(...args)),
    isDue: limited((...args) => driver.isDue(...args)),
    list: limited((...args) => driver.list(...args)),
    expire: limited((...args) => driver.expire(...args)),
    walk: limited((...args) => driver.walk(...args)),
    notify: limited((...args) => driver.notify(...args)),
    close: limited(() => driver.close()),
  };
}
