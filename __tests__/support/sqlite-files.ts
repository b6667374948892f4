import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';

/** A folder for database files, and the connections to them. */
export class SqliteFiles {
  readonly folder = mkdtempSync(join(tmpdir(), 'sqlite-'));
  readonly #connections: Database.Database[] = [];
  #files = 0;

  /** The path of a file that does not exist yet. */
  newPath(): string {
    return join(this.folder, `${++this.#files}.db`);
  }

  connect(path = this.newPath(), options?: Database.Options): Database.Database {
    const connection = new Database(path, options);
    this.#connections.push(connection);
    return connection;
  }

  remove(): void {
    for (const connection of this.#connections.splice(0)) connection.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
