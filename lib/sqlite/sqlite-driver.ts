/** Makes a driver over an open SQLite database. */
import { TaskError } from '../core/errors.js';
import type { TaskDriver } from '../distributed/port/driver.js';
import { TableDriver } from '../tables/table-driver.js';
import { Connection, type SqliteDatabase } from './connection.js';
import { SqliteDocuments } from './sqlite-documents.js';
import { SqliteSignals } from './sqlite-signals.js';
import { SqliteTable } from './sqlite-table.js';
import { Transactions } from './transactions.js';

/** A question for news takes a few µs. */
const POLLING = { busyMs: 10, idleMs: 100 };

/** A driver over a database that the caller has opened. */
export function createSqliteDriver(database: SqliteDatabase, prefix: string): TaskDriver {
  const connection = new Connection(database, prefix);
  return new TableDriver((settings) => {
    try {
      connection.neverWait();
    } catch (cause) {
      throw new TaskError('INVALID_OPTION', 'Expected database to be an open SQLite database', { cause });
    }
    const transactions = new Transactions(connection, settings.clock, settings.timeoutMs);
    return {
      table: new SqliteTable(connection, transactions, settings),
      documents: new SqliteDocuments(connection, transactions),
      signals: new SqliteSignals(connection, transactions, settings),
      polling: POLLING,
    };
  });
}
