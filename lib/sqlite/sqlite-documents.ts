/** Keeps instances and subscribers as texts in a SQLite table. */
import type { KeyValue } from '../tables/documents.js';
import type { Connection } from './connection.js';
import { checkLayout } from './schema.js';
import type { Transactions } from './transactions.js';

const ADD = 'INSERT INTO {documents} VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1';
const REPLACE = 'UPDATE {documents} SET value = ? WHERE key = ? AND value = ? RETURNING 1';
const DELETE = 'DELETE FROM {documents} WHERE key = ? AND value = ? RETURNING 1';
const LIST = 'SELECT key, value FROM {documents} WHERE key > ? AND key < ? ORDER BY key LIMIT ?';

/** Instances and subscribers, as texts under keys. */
export class SqliteDocuments implements KeyValue {
  constructor(
    readonly connection: Connection,
    readonly transactions: Transactions,
  ) {}

  get(key: string): Promise<string | undefined> {
    return this.transactions.read(() => {
      const row = this.connection.get('SELECT value FROM {documents} WHERE key = ?', key);
      return (row as { value: string } | undefined)?.value;
    });
  }

  swap(key: string, expected: string | undefined, value: string | undefined): Promise<boolean> {
    const { connection } = this;
    return this.transactions.write(() => {
      checkLayout(connection);
      if (expected === undefined) return value === undefined || connection.get(ADD, key, value) !== undefined;
      const row =
        value === undefined ? connection.get(DELETE, key, expected) : connection.get(REPLACE, value, key, expected);
      return row !== undefined;
    });
  }

  list(prefix: string, after: string, limit: number): Promise<readonly (readonly [string, string])[]> {
    const from = after > prefix ? after : prefix;
    return this.transactions.read(() => {
      const rows = this.connection.all(LIST, from, `${prefix}\uffff`, limit) as { key: string; value: string }[];
      return rows.map(({ key, value }) => [key, value] as const);
    });
  }
}
