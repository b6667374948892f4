/** The connection to the database: the little that is asked of it, its prepared statements, and its transactions. */
import { unavailable } from '../core/errors.js';

/**
 * The part of an open SQLite database that the store uses. `DatabaseSync` of `node:sqlite`, and the databases of
 * `better-sqlite3` and `libsql`, all have it.
 */
export interface SqliteDatabase {
  /** Runs statements that take no values. */
  exec(sql: string): unknown;
  /** Compiles one statement. */
  prepare(sql: string): SqliteStatement;
  /** False once `better-sqlite3` or `libsql` has closed it. */
  readonly open?: unknown;
}

/** A compiled statement; values are bound by position. */
export interface SqliteStatement {
  /** Runs it for its effect. */
  run(...values: unknown[]): unknown;
  /** Its first row as an object; undefined where there is none. */
  get(...values: unknown[]): unknown;
  /** All its rows as objects. */
  all(...values: unknown[]): unknown;
  /** Makes `better-sqlite3` and `libsql` return integers as numbers. */
  safeIntegers?(enabled: boolean): unknown;
  /** Makes `node:sqlite` return integers as numbers. */
  setReadBigInts?(enabled: boolean): unknown;
  /** Makes `node:sqlite` return rows as objects. */
  setReturnArrays?(enabled: boolean): unknown;
}

/** A value that the store binds. Undefined becomes NULL. */
export type SqlValue = string | number | null | undefined;

/** Prepares each statement once. `{name}` in a statement is one of the store's tables. */
export class Connection {
  readonly #statements = new Map<string, SqliteStatement>();
  /** Names the file that was opened, so that another one at its path is recognised. */
  file: string | undefined;
  /** The same of its WAL. */
  wal: string | undefined;

  constructor(
    readonly database: SqliteDatabase,
    readonly prefix: string,
  ) {}

  /** @throws TaskError `STORE_UNAVAILABLE` where it is closed, which the statements of libsql do not heed */
  assertOpen(): void {
    if (this.database.open === false) throw unavailable('The SQLite database is closed: close it after tasks.stop()');
  }

  /** Makes a locked database an error at once, because nothing may wait inside SQLite, where it blocks the event loop. */
  neverWait(): void {
    this.exec('PRAGMA busy_timeout = 0');
  }

  /** Runs `work` in one transaction. Where the application has begun one on this connection, that is left alone. */
  transact(work: () => void): void {
    this.run('BEGIN IMMEDIATE');
    try {
      work();
      this.run('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  exec(sql: string): void {
    this.database.exec(this.#named(sql));
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.#statement(sql).run(...bindable(values));
  }

  get(sql: string, ...values: SqlValue[]): unknown {
    return this.#statement(sql).get(...bindable(values));
  }

  all(sql: string, ...values: SqlValue[]): unknown[] {
    return this.#statement(sql).all(...bindable(values)) as unknown[];
  }

  #statement(sql: string): SqliteStatement {
    const prepared = this.#statements.get(sql);
    if (prepared !== undefined) return prepared;
    const statement = this.database.prepare(this.#named(sql));
    statement.safeIntegers?.(false);
    statement.setReadBigInts?.(false);
    statement.setReturnArrays?.(false);
    this.#statements.set(sql, statement);
    return statement;
  }

  #rollBack(): void {
    try {
      this.run('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  #named(sql: string): string {
    return sql.replaceAll(/\{(\w+)\}/g, `${this.prefix}$1`);
  }
}

/** Puts NULL for what is undefined, which not every library binds. */
function bindable(values: SqlValue[]): SqlValue[] {
  for (let i = 0; i < values.length; i++) values[i] ??= null;
  return values;
}
