/** Makes a task store from a driver: the public way to all rules that instances share. */
import { assertOption, checkOptions, wholeNumber } from '../core/check-options.js';
import type { TaskStore } from '../core/ports.js';
import type { TaskDriver } from './port/driver.js';
import { Instance } from './instance.js';
import { SharedTaskStore } from './shared-store.js';

/** Options of `createTaskStore`. */
export interface TaskStoreOptions {
  /**
   * An instance may be silent for this long before its tasks count as lost, in ms, from 200 to 3_600_000. Default 10_000. Each
   * instance is judged by its own.
   */
  leaseMs?: number;
}

const LEASE_MS = wholeNumber([10_000, 200, 3_600_000]);

/**
 * Makes a task store of a driver: the rules by which any number of instances share tasks, over whatever database the
 * driver talks to. One store, and one driver, for each manager.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const tasks = createTaskManager({ store: createTaskStore(new MyDriver(database)) });
 */
export function createTaskStore(driver: TaskDriver, options: TaskStoreOptions = {}): TaskStore {
  const { leaseMs = 10_000 } = checkOptions('createTaskStore', options, { leaseMs: LEASE_MS });
  let opened = false;
  return (settings) => {
    assertOption(!opened, 'store', 'a store of its own for each manager', 'one that another manager has opened');
    opened = true;
    return new SharedTaskStore(new Instance(driver, settings, leaseMs));
  };
}
