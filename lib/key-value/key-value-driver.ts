/** Makes a driver of the three methods of a key-value store. */
import { checkOptions, required, wholeNumber, withMethods, type OptionRules } from '../core/check-options.js';
import type { TaskDriver } from '../distributed/port/driver.js';
import { createTableDriver } from '../tables/create-table-driver.js';
import type { KeyValue } from '../tables/documents.js';
import { KeyValueTable } from './key-value-table.js';

/** Options of `createKeyValueDriver`. */
export interface KeyValueDriverOptions {
  /** The database that keeps the tasks. It stays the caller's: close it after `tasks.stop()`. */
  keyValue: KeyValue;
  /** The pause between two looks for what other instances have written, in ms, from 1 to 60_000. Default 100. */
  pollMs?: number;
}

const RULES: OptionRules<KeyValueDriverOptions> = {
  keyValue: required(withMethods('an object with get, swap and list', ['get', 'swap', 'list'])),
  pollMs: wholeNumber([100, 1, 60_000]),
};

/**
 * Makes a driver of a key-value store, which needs three methods: the shortest way to keep tasks in a database of your own.
 * It has no indexes, so whatever looks for tasks other than by their ids looks through all of them: take it for some
 * thousands of tasks, and write a `TaskTable` for more.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const store = createTaskStore(createKeyValueDriver({ keyValue }));
 */
export function createKeyValueDriver(options: KeyValueDriverOptions): TaskDriver {
  const { keyValue, ...rest } = checkOptions('createKeyValueDriver', options, RULES);
  return createTableDriver({ table: new KeyValueTable(keyValue), documents: keyValue, ...rest });
}
