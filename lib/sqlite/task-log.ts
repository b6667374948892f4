import type { Batch, Fate } from '../distributed/port/calls.js';
import { comparePlaces, isExcess } from '../distributed/port/entry.js';
import type { Ending, Entry, Place } from '../distributed/port/stored.js';
import type { Connection, Moment } from './connection.js';
import { droppedOf, findState, KEPT, topOf } from './task-rows.js';

/** The logs of tasks: what they take, what they drop, and how they are read. */

interface EntryRow extends Omit<Entry, 'place' | 'atMs'> {
  readonly token: number;
  readonly seq: number;
  readonly total: number;
  readonly at: number;
}

const ENTRY = 'e.token, e.seq, e.total, e.events, e.bytes, e.at, e.schema';

const INSERT = `INSERT INTO {entries} (task, token, seq, total, events, bytes, at, schema, text)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const READ_AFTER = `SELECT ${ENTRY}, e.text FROM {tasks} t JOIN {entries} e ON e.task = t.id
  WHERE t.taskId = ? AND ${KEPT} AND (e.token, e.seq) > (?, ?) ORDER BY e.token, e.seq LIMIT ?`;
const OLDEST = `SELECT ${ENTRY}, '' AS text FROM {entries} e WHERE e.task = ? AND (e.token, e.seq) > (?, ?)
  ORDER BY e.token, e.seq LIMIT ?`;
const DROP = 'DELETE FROM {entries} WHERE task = ? AND (token, seq) <= (?, ?)';
const NOTE_DROPPED = 'UPDATE {tasks} SET droppedToken = ?, droppedSeq = ?, droppedTotal = ? WHERE id = ?';
const END = `UPDATE {tasks} SET status = ?, outcome = ?, endedAt = ?, expiresAt = ?, expires = ?, keeper = NULL, orphanedAt = NULL
  WHERE id = ?`;

/** The number of entries that are looked at together when a log is trimmed. */
const TRIM_PAGE = 64;

function entryOf({ token, seq, total, events, bytes, at, schema, text }: EntryRow): Entry {
  return { place: { token, seq, bytes: total }, events, bytes, atMs: at, schema, text };
}

/** Entries of a task that is kept, after a place, oldest first. */
export function readAfter(
  { connection, now }: Moment,
  taskId: string,
  { token, seq }: Pick<Place, 'token' | 'seq'>,
  limit: number,
): Entry[] {
  return (connection.all(READ_AFTER, taskId, now, token, seq, limit) as EntryRow[]).map(entryOf);
}

/** Appends one batch, unless it is in the log already or must not be. */
export function append(moment: Moment, batch: Batch): Fate {
  const { connection, now } = moment;
  const task = findState(connection, batch.taskId, now);
  if (task === undefined) return { kind: 'gone' };
  const { token, entries, progress, snapshot, ending } = batch;
  const top = topOf(task);
  if (task.token > token || top.token > token) return { kind: 'fenced' };
  const added = entries.filter(({ place }) => comparePlaces(place, top) > 0);
  if (added.length === 0) return { kind: 'committed', dropped: batch.trim ? droppedOf(task) : undefined };
  if (task.status !== 'running') return { kind: 'ended' };

  insertEntries(connection, task.id, added);
  if (progress !== undefined) connection.run('UPDATE {tasks} SET progress = ? WHERE id = ?', progress, task.id);
  if (snapshot !== undefined) {
    const { seq, json } = snapshot;
    connection.run('UPDATE {tasks} SET snapshotSeq = ?, snapshot = ? WHERE id = ?', seq, json, task.id);
  }
  if (ending !== undefined) endTask(moment, task.id, ending);
  const end = added.at(-1)?.place ?? top;
  return { kind: 'committed', dropped: batch.trim ? trim(moment, task.id, end) : undefined };
}

export function insertEntries(connection: Connection, task: number, entries: readonly Entry[]): void {
  for (const { place, events, bytes, atMs, schema, text } of entries)
    connection.run(INSERT, task, place.token, place.seq, place.bytes, events, bytes, Math.trunc(atMs), schema, text);
}

export function endTask({ connection, settings, now }: Moment, task: number, { status, outcome }: Ending): void {
  const shownAt = settings.clock.wallNow();
  connection.run(END, status, outcome, shownAt, shownAt + settings.ttlMs, now + settings.ttlMs, task);
}

/** Drops the oldest entries of a log that ends at `top`. Returns the end of the last one that it dropped. */
function trim(moment: Moment, task: number, top: Place): Place | undefined {
  const { connection } = moment;
  const last = lastExcess(moment, task, top);
  if (last === undefined) return undefined;
  connection.run(DROP, task, last.token, last.seq);
  connection.run(NOTE_DROPPED, last.token, last.seq, last.bytes, task);
  return last;
}

function lastExcess({ connection, settings }: Moment, task: number, top: Place): Place | undefined {
  let last: Place | undefined;
  for (;;) {
    const page = connection.all(OLDEST, task, last?.token ?? 0, last?.seq ?? 0, TRIM_PAGE) as EntryRow[];
    for (const entry of page.map(entryOf)) {
      if (!isExcess(entry, top, settings.limits)) return last;
      last = entry.place;
    }
    if (page.length < TRIM_PAGE) return last;
  }
}
