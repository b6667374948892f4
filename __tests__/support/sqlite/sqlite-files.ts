import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import type { SqliteDatabase } from '../../../lib/sqlite/connection.js';

/** An open file of whichever SQLite the tests run on. */
export interface TestDatabase extends SqliteDatabase {
  close(): unknown;
}

/** What Node 22.13 and newer bring; older ones have libsql. */
const builtin = process.getBuiltinModule('node:sqlite') as
  { readonly DatabaseSync: new (path: string) => TestDatabase } | undefined;

/** A folder for database files, and the connections to them. */
export class SqliteFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  readonly #connections: TestDatabase[] = [];
  #files = 0;

  /** The path of a file that does not exist yet. */
  newPath(): string {
    return join(this.folder, `${++this.#files}.db`);
  }

  connect(path = this.newPath()): TestDatabase {
    const connection: TestDatabase = builtin === undefined ? new Libsql(path) : new builtin.DatabaseSync(path);
    this.#connections.push(connection);
    return connection;
  }

  /** Closes one of them before the others. */
  close(connection: TestDatabase): void {
    this.#connections.splice(this.#connections.indexOf(connection), 1);
    connection.close();
  }

  remove(): void {
    for (const connection of this.#connections.splice(0)) close(connection);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A test may have closed it already, which `node:sqlite` takes for a mistake. */
function close(connection: TestDatabase): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
