import { TaskError } from '../core/errors.js';
import type { Bell, Ears } from '../distributed/port/bell.js';
import type { Batch, Fate } from '../distributed/port/calls.js';
import type { DriverSettings, TaskDriver } from '../distributed/port/driver.js';
import type { InstanceState } from '../distributed/port/stored.js';
import { readAudience, readDeparture, report } from './audience.js';
import { Connection, type Moment, type SqliteDatabase, type SqlValue } from './connection.js';
import { clean, forget, left } from './retention.js';
import { checkLayout } from './schema.js';
import { SqliteBell, type StoredNote } from './sqlite-bell.js';
import { claim, create, orphan, remove } from './task-changes.js';
import { append, readAfter } from './task-log.js';
import { conditionOf, findState, findTasks, findTombstone, KEPT, stateOf } from './task-rows.js';
import { Transactions } from './transactions.js';

/** Notes are hints: whoever has not heard one by then has looked for itself. */
const NOTE_MS = 60_000;
/** Tasks that are forgotten in one transaction. */
const MAX_FORGOTTEN = 20;

const BEAT = `INSERT INTO {instances} VALUES (?, ?, ?, 1)
  ON CONFLICT DO UPDATE SET leaseMs = excluded.leaseMs, schema = excluded.schema, count = count + 1`;
const HELD = 'SELECT taskId FROM {tasks} WHERE keeper = ? AND taskId > ? ORDER BY taskId LIMIT ?';
const REINDEX = `UPDATE {tasks} SET keeper = CASE WHEN status = 'running' THEN holder END
  WHERE taskId = ? AND (keeper = ? OR holder = ?)`;
const ORPHANS = 'SELECT taskId FROM {tasks} WHERE orphanedAt <= ? ORDER BY orphanedAt LIMIT ?';
const DUE_ORPHANS = `SELECT taskId FROM {tasks} WHERE orphanedAt IS NOT NULL AND dueAt <= ?
  AND handler IN (SELECT value FROM json_each(?)) ORDER BY orphanedAt LIMIT ?`;

/** Tasks in a SQLite file, which any number of processes of one machine have open. */
export class SqliteDriver implements TaskDriver {
  readonly #connection: Connection;
  #opened: { settings: DriverSettings; transactions: Transactions; startedAt: number } | undefined;
  #bell: SqliteBell | undefined;

  constructor(database: SqliteDatabase, prefix: string) {
    this.#connection = new Connection(database, prefix);
  }

  open(settings: DriverSettings): void {
    try {
      // A locked database is reported at once, because nothing may wait inside SQLite.
      this.#connection.exec('PRAGMA busy_timeout = 0');
    } catch (cause) {
      throw new TaskError('INVALID_OPTION', 'Expected database to be an open SQLite database', { cause });
    }
    const { clock, timeoutMs } = settings;
    const transactions = new Transactions(this.#connection, clock, timeoutMs);
    this.#opened = { settings, transactions, startedAt: clock.wallNow() - clock.now() };
  }

  create: TaskDriver['create'] = (...args) => this.#write((moment) => create(moment, ...args));
  claim: TaskDriver['claim'] = (claimed) => this.#write((moment) => claim(moment, claimed));
  orphan: TaskDriver['orphan'] = (...args) => this.#write((moment) => orphan(moment, ...args));
  remove: TaskDriver['remove'] = (taskId) => this.#write((moment) => remove(moment, taskId));
  readAfter: TaskDriver['readAfter'] = (...args) => this.#read((moment) => readAfter(moment, ...args));
  readDeparture: TaskDriver['readDeparture'] = (...args) => this.#read((moment) => readDeparture(moment, ...args));

  read: TaskDriver['read'] = (ref, wanted) =>
    this.#read(({ connection, now }) => {
      const { condition, values } = conditionOf(ref);
      const [task] = findTasks(connection, `${condition} AND ${KEPT}`, [...values, now], wanted);
      return task ?? findTombstone(connection, ref, now);
    });

  look: TaskDriver['look'] = (taskIds) =>
    this.#read(({ connection, now }) =>
      taskIds.map((taskId) => {
        const task = findState(connection, taskId, now);
        return task && stateOf(task);
      }),
    );

  append(batches: readonly Batch[]): readonly Promise<Fate>[] {
    return batches.map((batch) => this.#append(batch));
  }

  requestCancel: TaskDriver['requestCancel'] = (taskId, reason) =>
    this.#write(({ connection, now }) => {
      const task = findState(connection, taskId, now);
      if (task?.status !== 'running') return undefined;
      if (task.cancel === null) connection.run('UPDATE {tasks} SET cancel = ? WHERE id = ?', reason, task.id);
      return stateOf({ ...task, cancel: task.cancel ?? reason });
    });

  reportAudience: TaskDriver['reportAudience'] = (reports) =>
    this.#write((moment) => {
      for (const each of reports) report(moment, each);
    });

  readAudience: TaskDriver['readAudience'] = (taskIds) =>
    this.#read((moment) => taskIds.map((taskId) => readAudience(moment, taskId)));

  beat: TaskDriver['beat'] = async ({ instance, leaseMs, schema }) => {
    const instances = await this.#write(({ connection, now }) => {
      checkLayout(connection);
      connection.run(BEAT, instance, leaseMs, schema);
      connection.run('DELETE FROM {notes} WHERE at <= ?', now - NOTE_MS);
      return connection.all('SELECT instance, leaseMs, schema, count FROM {instances}') as InstanceState[];
    });
    if (this.#bell !== undefined) this.#bell.isAlone = instances.length === 1;
    return instances;
  };

  removeInstance: TaskDriver['removeInstance'] = (instance, count) =>
    this.#write(({ connection }) => {
      connection.run('DELETE FROM {instances} WHERE instance = ? AND count = coalesce(?, count)', instance, count);
    });

  held: TaskDriver['held'] = (instance, after, limit) =>
    this.#read(({ connection }) => taskIds(connection.all(HELD, instance, after ?? '', limit)));

  divide: TaskDriver['divide'] = (from, to, limit) =>
    this.#write(({ connection }) => {
      const moved = taskIds(connection.all(HELD, from, '', limit));
      for (const taskId of moved) connection.run('UPDATE {tasks} SET keeper = ? WHERE taskId = ?', to, taskId);
      return moved;
    });

  reindex: TaskDriver['reindex'] = (instance, taskIds) =>
    this.#write(({ connection }) => {
      for (const taskId of taskIds) connection.run(REINDEX, taskId, instance, instance);
    });

  orphans: TaskDriver['orphans'] = (query, limit) =>
    this.#read(({ connection, now }) =>
      taskIds(
        'olderThanMs' in query
          ? connection.all(ORPHANS, now - query.olderThanMs, limit)
          : connection.all(DUE_ORPHANS, now, JSON.stringify(query.handlers), limit),
      ),
    );

  list: TaskDriver['list'] = ({ of, status, limit, before }) =>
    this.#read(({ connection, now }) => {
      const conditions: [string, SqlValue][] = [[KEPT, now]];
      if (of !== undefined) conditions.push(['t.owner IS ?', of.owner]);
      if (status !== undefined) conditions.push(['t.status = ?', status]);
      if (before !== undefined) conditions.push(['t.taskId < ?', before]);
      const condition = conditions.map(([text]) => text).join(' AND ');
      const values = conditions.map(([, value]) => value);
      return findTasks(connection, `${condition} ORDER BY t.taskId DESC LIMIT ?`, [...values, limit]);
    });

  async expire(limit: number): Promise<{ gone: readonly string[]; left: number }> {
    const gone: string[] = [];
    for (let page = MAX_FORGOTTEN; page === MAX_FORGOTTEN && gone.length < limit;) {
      const forgotten = await this.#write((moment) => {
        const ids = forget(moment, Math.min(MAX_FORGOTTEN, limit - gone.length));
        for (const taskId of ids) note(moment, undefined, { kind: 'gone', taskId });
        return ids;
      });
      gone.push(...forgotten);
      page = forgotten.length;
    }
    while (await this.#write(clean));
    return { gone, left: await this.#read(left) };
  }

  walk: TaskDriver['walk'] = (cursor, limit) =>
    this.#read(({ connection, now }) => {
      const condition = `t.taskId > ? AND ${KEPT} ORDER BY t.taskId LIMIT ?`;
      const tasks = findTasks(connection, condition, [cursor ?? '', now, limit + 1]);
      const page = tasks.slice(0, limit);
      return { tasks: page, next: tasks.length > limit ? page.at(-1)?.taskId : undefined };
    });

  ring: TaskDriver['ring'] = (to, rung) => this.#write((moment) => note(moment, to, rung));

  listen(ears: Ears): Bell {
    const { settings, transactions } = this.#open;
    this.#bell = new SqliteBell(transactions, settings, ears);
    // If the file is locked just now, the first poll finds that anything may have happened.
    this.#bell.listen().catch(() => undefined);
    this.#bell.wake();
    return this.#bell;
  }

  close(): Promise<void> {
    this.#bell?.close();
    return Promise.resolve();
  }

  async #append(batch: Batch): Promise<Fate> {
    const outcome = await this.#open.transactions.attempt(() => append(this.#moment(), batch));
    if ('result' in outcome) {
      this.#bell?.wake();
      return outcome.result;
    }
    const { error: cause, unknown, passing } = outcome.failure;
    return unknown ? { kind: 'unknown', cause } : { kind: 'refused', passing, cause };
  }

  #read<T>(work: (moment: Moment) => T): Promise<T> {
    return this.#open.transactions.read(() => work(this.#moment()));
  }

  async #write<T>(work: (moment: Moment) => T): Promise<T> {
    const result = await this.#open.transactions.write(() => work(this.#moment()));
    this.#bell?.wake();
    return result;
  }

  /** Time by the store's clock is what the wall clock said when this process began, and what has passed since. */
  #moment(): Moment {
    const { settings, startedAt } = this.#open;
    return { connection: this.#connection, settings, now: Math.trunc(startedAt + settings.clock.now()) };
  }

  get #open(): { settings: DriverSettings; transactions: Transactions; startedAt: number } {
    if (this.#opened === undefined) throw new TaskError('STORE_UNAVAILABLE', 'The SQLite store has not been opened');
    return this.#opened;
  }
}

function note({ connection, now }: Moment, recipient: string | undefined, stored: StoredNote): void {
  connection.run('INSERT INTO {notes} (recipient, at, note) VALUES (?, ?, ?)', recipient, now, JSON.stringify(stored));
}

const taskIds = (rows: unknown[]): string[] => (rows as { taskId: string }[]).map(({ taskId }) => taskId);
