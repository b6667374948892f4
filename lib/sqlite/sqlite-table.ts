/** Implements the table of tasks in SQLite. */
import type { Ref, Wanted } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { trailingProgress } from '../distributed/port/entry.js';
import type { Entry, Place } from '../distributed/port/stored.js';
import { obstacleTo } from '../tables/task-table.js';
import type { Change, Inserted, KeptTask, TaskQuery, TaskTable } from '../tables/task-table.js';
import type { Connection, SqlValue } from './connection.js';
import type { Failure } from './failure.js';
import type { Transactions } from './transactions.js';

/** Rows that are deleted in one transaction, so that none holds up the event loop. */
const MAX_ROWS = 200;
/** Pages of the file that are given back in one transaction, once it has so many to spare. */
const MAX_PAGES = 64;
const SPARE_PAGES = 1_024;

/** Every task with the last entry of its log. */
const TASKS = `{tasks} t LEFT JOIN {entries} e
  ON e.id = (SELECT id FROM {entries} WHERE task = t.id ORDER BY token DESC, seq DESC LIMIT 1)`;
const KEPT = 't.isForgotten IS NULL AND (t.expires IS NULL OR t.expires > ?)';
const COUNT = 'SELECT count(*) AS tasks FROM {tasks} WHERE owner IS ? AND status = ?';

const INSERT = 'INSERT OR REPLACE INTO {tasks} (record, input) VALUES (?, ?)';
const UPDATE = `UPDATE {tasks} SET record = ?, noted = coalesce(?, noted), outcome = coalesce(?, outcome),
  snapshot = coalesce(?, snapshot) WHERE id = ?`;
const FORGET =
  'UPDATE {tasks} SET record = ?, input = NULL, noted = NULL, outcome = NULL, snapshot = NULL WHERE id = ?';

/** An id above all others, and above those of rows that are deleted: it is never below the time in µs. */
const APPEND = `INSERT INTO {entries} (id, task, token, seq, total, events, bytes, at, schema, text)
  VALUES (max(?, (SELECT coalesce(max(id), 0) + 1 FROM {entries})), ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const readAfter = (text: string): string =>
  `SELECT token, seq, total, events, bytes, at, schema, ${text} AS text FROM {entries}
  WHERE task = (SELECT id FROM {tasks} WHERE taskId = ?) AND (token, seq) > (?, ?) ORDER BY token, seq LIMIT ?`;
const READ_AFTER = readAfter('text');
const READ_PLACES = readAfter("''");
const DROP = `DELETE FROM {entries} WHERE id IN
  (SELECT id FROM {entries} WHERE task = ? AND (token, seq) <= (?, ?) LIMIT ${MAX_ROWS})`;
const PAGES = 'SELECT freelist_count AS free, page_count AS total FROM pragma_freelist_count, pragma_page_count';

interface EntryRow extends Omit<Entry, 'place' | 'atMs'> {
  readonly token: number;
  readonly seq: number;
  readonly total: number;
  readonly at: number;
}

interface TaskRow {
  readonly id: number;
  readonly record: string;
  /** The end of its log; null where nothing was ever appended. */
  readonly token: number | null;
  readonly seq: number;
  readonly total: number;
  readonly at: number;
  readonly input?: string | null;
  readonly noted?: string | null;
  readonly text?: string | null;
  readonly outcome?: string | null;
  readonly snapshot?: string | null;
}

/** Tasks in a SQLite file, which any number of processes of one machine have open. */
export class SqliteTable implements TaskTable {
  constructor(
    readonly connection: Connection,
    readonly transactions: Transactions,
    readonly settings: DriverSettings,
  ) {}

  find(ref: Ref, now: number, wanted?: Wanted): Promise<KeptTask | undefined> {
    return this.transactions.read(() => this.#find(ref, now, wanted));
  }

  insert(task: KeptTask, quota: number, now: number): Promise<Inserted> {
    const countRunning = (owner: string | undefined): number =>
      (this.connection.get(COUNT, owner, 'running') as { tasks: number }).tasks;
    return this.transactions.write(() => {
      const obstacle = obstacleTo(task, quota, (ref) => this.#find(ref, now), countRunning);
      if (obstacle !== undefined) return obstacle;
      this.connection.run(INSERT, recordOf(task), task.input);
      return { inserted: task };
    });
  }

  async change<T>(taskId: string, change: (task: KeptTask | undefined) => Change<T>, wanted?: Wanted): Promise<T> {
    const { id, changed } = await this.transactions.write(() => {
      const row = this.#row('t.taskId = ?', [taskId], wanted);
      const changed = change(row && taskOf(row));
      if (row !== undefined) this.#write(row.id, changed);
      return { id: row?.id, changed };
    });
    if (changed.drop !== undefined) await this.#drop(id, changed.drop);
    return changed.answer;
  }

  readAfter(taskId: string, { token, seq }: Place, limit: number, textless = false): Promise<readonly Entry[]> {
    const sql = textless ? READ_PLACES : READ_AFTER;
    return this.transactions.read(() =>
      (this.connection.all(sql, taskId, token, seq, limit) as EntryRow[]).map(entryOf),
    );
  }

  walk(after: string, limit: number): Promise<readonly KeptTask[]> {
    return this.#select('t.taskId > ? ORDER BY t.taskId LIMIT ?', [after, limit]);
  }

  select(query: TaskQuery, limit: number): Promise<readonly KeptTask[]> {
    if ('keeper' in query) {
      const { keeper, after } = query;
      return this.#select('t.keeper = ? AND t.taskId > ? ORDER BY t.taskId LIMIT ?', [keeper, after, limit]);
    }
    if ('dueBy' in query) {
      const dueBy = Math.min(query.dueBy, Number.MAX_SAFE_INTEGER);
      return this.#select('t.expires <= ? ORDER BY t.expires LIMIT ?', [dueBy, limit]);
    }
    const { now } = query;
    if ('orphans' in query) {
      const { orphans } = query;
      const [condition, ...values] =
        'olderThanMs' in orphans
          ? ['t.orphanedAt <= ?', now - orphans.olderThanMs]
          : ['t.dueAt <= ? AND t.handler IN (SELECT value FROM json_each(?))', now, JSON.stringify(orphans.handlers)];
      const order = 'ORDER BY t.orphanedAt LIMIT ?';
      return this.#select(`t.orphanedAt IS NOT NULL AND ${condition} ${order}`, [...values, limit]);
    }
    const { of, status, before } = query.list;
    const conditions: [string, SqlValue][] = [[KEPT, now]];
    if (of !== undefined) conditions.push(['t.owner IS ?', of.owner]);
    if (status !== undefined) conditions.push(['t.status = ?', status]);
    if (before !== undefined) conditions.push(['t.taskId < ?', before]);
    const condition = conditions.map(([text]) => text).join(' AND ');
    const values = conditions.map(([, value]) => value);
    return this.#select(`${condition} ORDER BY t.taskId DESC LIMIT ?`, [...values, limit]);
  }

  refusal(error: unknown): Failure['refusal'] {
    return (error as Failure).refusal;
  }

  /**
   * Gives free pages back to the file system where most of a large file is free. New logs take free pages first. A file
   * that the store has not made keeps its pages: it stops where nothing becomes fewer.
   */
  async tidy(): Promise<void> {
    let before = Infinity;
    const isShrinking = (): boolean => {
      const { free, total } = this.connection.get(PAGES) as { free: number; total: number };
      if (free <= SPARE_PAGES || 2 * free < total || free >= before) return false;
      before = free;
      this.connection.exec(`PRAGMA incremental_vacuum(${MAX_PAGES})`);
      return true;
    };
    while (await this.transactions.write(isShrinking));
  }

  /** Runs within a transaction. */
  #write(id: number, changed: Change<unknown>): void {
    const { connection, settings } = this;
    for (const { place, events, bytes, atMs, schema, text } of changed.entries ?? []) {
      const { token, seq, bytes: total } = place;
      const [lowest, at] = [1_000 * Math.trunc(settings.clock.wallNow()), Math.trunc(atMs)];
      connection.run(APPEND, lowest, id, token, seq, total, events, bytes, at, schema, text);
    }
    if (!('task' in changed) || changed.isLogOnly) return;
    const { task } = changed;
    if (task === undefined) {
      connection.run('DELETE FROM {entries} WHERE task = ?', id);
      connection.run('DELETE FROM {tasks} WHERE id = ?', id);
    } else if (task.isForgotten) {
      connection.run(FORGET, recordOf(task), id);
    } else {
      const { noted, outcome, snapshot } = task;
      connection.run(UPDATE, recordOf(task), noted, outcome, snapshot && JSON.stringify(snapshot), id);
    }
  }

  async #drop(id: number | undefined, { token, seq }: Place): Promise<void> {
    const dropSome = (): number => {
      this.connection.run(DROP, id, token, seq);
      return (this.connection.get('SELECT changes() AS rows') as { rows: number }).rows;
    };
    while ((await this.transactions.write(dropSome)) === MAX_ROWS);
  }

  #find(ref: Ref, now: number, wanted?: Wanted): KeptTask | undefined {
    const { condition, values } = conditionOf(ref, now);
    const row = this.#row(condition, values, wanted);
    return row && taskOf(row);
  }

  #select(condition: string, values: readonly SqlValue[]): Promise<readonly KeptTask[]> {
    return this.transactions.read(() => (this.connection.all(selectOf(condition), ...values) as TaskRow[]).map(taskOf));
  }

  #row(condition: string, values: readonly SqlValue[], wanted?: Wanted): TaskRow | undefined {
    return this.connection.get(selectOf(condition, wanted), ...values) as TaskRow | undefined;
  }
}

function selectOf(condition: string, wanted: Wanted = {}): string {
  const texts = [
    wanted.input ? ', t.input' : '',
    wanted.progress ? ', t.noted, e.text' : '',
    wanted.outcome ? ', t.outcome' : '',
    wanted.snapshot ? ', t.snapshot' : '',
  ].join('');
  return `SELECT t.id, t.record, e.token, e.seq, e.total, e.at${texts} FROM ${TASKS} WHERE ${condition}`;
}

const NO_TEXTS = { input: undefined, noted: undefined, progress: undefined, outcome: undefined, snapshot: undefined };

/** Writes the task as JSON, without the texts that stand beside it. */
const recordOf = (task: KeptTask): string => JSON.stringify({ ...task, ...NO_TEXTS });

/** The task of a row, which is filled in where it was parsed: a copy of so many properties is slow. */
function taskOf({ record, token, seq, total, at, input, noted, text, outcome, snapshot }: TaskRow): KeptTask {
  const task = JSON.parse(record) as { -readonly [K in keyof KeptTask]: KeptTask[K] };
  if (token !== null) {
    task.top = { token, seq, bytes: total };
    task.updatedAtMs = at;
  }
  if (noted !== undefined) {
    task.noted = noted ?? undefined;
    task.progress = (text ? trailingProgress(text) : undefined) ?? task.noted;
  }
  task.input = input ?? undefined;
  task.outcome = outcome ?? undefined;
  if (snapshot) task.snapshot = JSON.parse(snapshot) as NonNullable<KeptTask['snapshot']>;
  return task;
}

function entryOf({ token, seq, total, events, bytes, at, schema, text }: EntryRow): Entry {
  return { place: { token, seq, bytes: total }, events, bytes, atMs: at, schema, text };
}

/** The task that a reference leads to, as a condition and what it binds. */
function conditionOf(ref: Ref, now: number): { readonly condition: string; readonly values: readonly SqlValue[] } {
  if ('taskId' in ref) return { condition: 't.taskId = ?', values: [ref.taskId] };
  if ('resumeKey' in ref) return { condition: 't.resumeKey = ?', values: [ref.resumeKey] };
  if ('slot' in ref)
    return { condition: `t.slot = ? AND t.owner IS ? AND t.status = 'running'`, values: [ref.slot, ref.owner] };
  const values = [ref.idempotencyKey, ref.owner, now];
  return { condition: `t.idempotencyKey = ? AND t.owner IS ? AND ${KEPT}`, values };
}
