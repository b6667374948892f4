/** The entry `./sqlite`: the store in one SQLite file. */
import { ANYTHING, checkOptions, required, withMethods, type OptionRules } from '../core/check-options.js';
import type { TaskStore } from '../core/ports.js';
import { createTaskStore, type TaskStoreOptions } from '../distributed/create-task-store.js';
import type { SqliteDatabase } from './connection.js';
import { createSqliteDriver } from './sqlite-driver.js';

export type { SqliteDatabase, SqliteStatement } from './connection.js';

/** The options of `createSqliteStore`. */
export interface SqliteStoreOptions extends TaskStoreOptions {
  /**
   * An open database of `node:sqlite`, `better-sqlite3` or `libsql`, for this store alone: it sets pragmas and runs
   * transactions. It stays the caller's: close it after `tasks.stop()`.
   */
  database: SqliteDatabase;
  /** The prefix of all table names: small letters, digits and `_`, no digit first. Default 'resumable_sse_'. */
  prefix?: string;
}

const RULES: OptionRules<SqliteStoreOptions> = {
  database: required(withMethods('an open SQLite database', ['exec', 'prepare'])),
  prefix: {
    text: "small letters, digits and _, at most 40, no digit first and not 'sqlite_'", // SQLite reads A and a as one name
    accepts: (prefix) => typeof prefix === 'string' && /^(?!sqlite_)[a-z_][a-z0-9_]{0,39}$/.test(prefix),
  },
  leaseMs: ANYTHING, // checked by createTaskStore
};

/**
 * Keeps tasks in a SQLite file, so that they survive a restart, and any number of processes of one machine serve the
 * same tasks. One store, over a connection of its own, for each manager.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * import { DatabaseSync } from 'node:sqlite';
 * const store = createSqliteStore({ database: new DatabaseSync('tasks.db') });
 * const tasks = createTaskManager({ store });
 */
export function createSqliteStore(options: SqliteStoreOptions): TaskStore {
  const { database, prefix = 'resumable_sse_', ...rest } = checkOptions('createSqliteStore', options, RULES);
  return createTaskStore(createSqliteDriver(database, prefix), rest);
}
