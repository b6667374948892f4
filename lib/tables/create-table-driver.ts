/** Makes a driver from a table of tasks: the public way to it. */
import { checkOptions, required, withMethods, wholeNumber, type OptionRules } from '../core/check-options.js';
import type { TaskDriver } from '../distributed/port/driver.js';
import type { KeyValue } from './documents.js';
import { TableDriver } from './table-driver.js';
import type { TaskTable } from './task-table.js';

/** Options of `createTableDriver`. */
export interface TableDriverOptions {
  /** Keeps the tasks and their logs. It stays the caller's: close it after `tasks.stop()`. */
  table: TaskTable;
  /** Keeps what is asked for seldom: instances, subscribers, notes from one instance to another. */
  documents: KeyValue;
  /** The pause between two looks for what other instances have written, in ms, from 1 to 60_000. Default 100. */
  pollMs?: number;
}

const RULES: OptionRules<TableDriverOptions> = {
  table: required(withMethods('a TaskTable', ['find', 'insert', 'change', 'readAfter', 'walk'])),
  documents: required(withMethods('an object with get, swap and list', ['get', 'swap', 'list'])),
  pollMs: wholeNumber([100, 1, 60_000]),
};

/**
 * Makes a driver of a table of tasks that can change one task in one step, and of a key-value store for the rest.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const store = createTaskStore(createTableDriver({ table, documents }));
 */
export function createTableDriver(options: TableDriverOptions): TaskDriver {
  const { table, documents, pollMs = 100 } = checkOptions('createTableDriver', options, RULES);
  return new TableDriver(() => ({ table, documents, polling: { busyMs: pollMs, idleMs: pollMs } }));
}
