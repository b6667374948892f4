import type { Connection, Moment } from './connection.js';
import { PARTS } from './schema.js';

/** Forgets expired tasks a few at a time, so that no transaction holds up the event loop. */

/** Rows of one table that are deleted in one transaction. */
const MAX_ROWS = 200;
/** Pages of the file that are given back in one transaction, once it has so many to spare. */
const MAX_PAGES = 64;
const SPARE_PAGES = 1_024;

const DUE = 'SELECT id, taskId, resumeKey, owner, expires FROM {tasks} WHERE expires <= ? ORDER BY expires LIMIT ?';
const BURY = 'INSERT OR REPLACE INTO {tombstones} VALUES (?, ?, ?, ?)';
const LEFT = `SELECT EXISTS (SELECT 1 FROM {tasks} WHERE expires IS NOT NULL)
  + EXISTS (SELECT 1 FROM {tombstones}) AS count`;
const PAGES = 'SELECT freelist_count AS free, page_count AS total FROM pragma_freelist_count, pragma_page_count';
const UNBURY = 'DELETE FROM {tombstones} WHERE taskId IN (SELECT taskId FROM {tombstones} WHERE until <= ? LIMIT ?)';

interface DueRow {
  readonly id: number;
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | null;
  readonly expires: number;
}

/** Forgets up to `limit` ended tasks whose retention is over, their keys included. What they have left is for `clean`. */
export function forget({ connection, settings, now }: Moment, limit: number): string[] {
  const due = connection.all(DUE, now, limit) as DueRow[];
  for (const { id, taskId, resumeKey, owner, expires } of due) {
    connection.run('DELETE FROM {tasks} WHERE id = ?', id);
    connection.run('INSERT INTO {remains} VALUES (?)', id);
    const until = expires + settings.ttlMs;
    if (until > now) connection.run(BURY, taskId, resumeKey, owner, until);
  }
  return due.map(({ taskId }) => taskId);
}

/** Deletes some of what forgotten tasks have left. False where there was nothing to do. */
export function clean({ connection, now }: Moment): boolean {
  connection.run(UNBURY, now, MAX_ROWS);
  const next = connection.get('SELECT task FROM {remains} LIMIT 1') as { task: number } | undefined;
  if (next === undefined) return shrink(connection);
  for (const part of PARTS) {
    const rows = `SELECT rowid FROM {${part}} WHERE task = ? LIMIT ${MAX_ROWS}`;
    connection.run(`DELETE FROM {${part}} WHERE rowid IN (${rows})`, next.task);
    if (connection.get(`SELECT 1 FROM {${part}} WHERE task = ? LIMIT 1`, next.task) !== undefined) return true;
  }
  connection.run('DELETE FROM {remains} WHERE task = ?', next.task);
  return true;
}

/** Whether an ended task or a tombstone is left, as a number. */
export const left = ({ connection }: Moment): number => (connection.get(LEFT) as { count: number }).count;

/** Gives free pages back to the file system where most of a large file is free. New logs take free pages first. */
function shrink(connection: Connection): boolean {
  const { free, total } = connection.get(PAGES) as { free: number; total: number };
  if (free <= SPARE_PAGES || 2 * free < total) return false;
  connection.exec(`PRAGMA incremental_vacuum(${MAX_PAGES})`);
  return true;
}
