import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { createTaskManager } from '../../lib/index.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import type { SqliteDatabase } from '../../lib/sqlite/connection.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { append, draftOf, openDriver, progressAt } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles, type TestDatabase } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();

afterAll(() => {
  files.remove();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets everything that waits be tried a few times. */
async function attempts(clock: ManualClock, ms = 100): Promise<void> {
  for (let passed = 0; passed < ms; passed += 20) {
    await turn();
    clock.advance(20);
    await turn();
  }
}

/** The seqs that another connection finds in the log of `t`. */
async function seqsIn(path: string): Promise<number[]> {
  const entries = await openDriver(files.connect(path)).readAfter('t', { token: 0, seq: 0 }, 100);
  return entries.map(({ place }) => place.seq);
}

it('a start is told why where another connection keeps the file locked', async () => {
  const path = files.newPath();
  const clock = new ManualClock();
  const tasks = createTaskManager({
    store: createSqliteStore({ database: files.connect(path) }),
    clock,
    storeTimeoutMs: 1_000,
  });
  await tasks.start(async () => 'the tables are there');
  const other = files.connect(path);
  other.exec('BEGIN IMMEDIATE');
  const refused = expect(tasks.start(async () => 1)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining('kept the database locked') as string,
  });
  await attempts(clock, 1_200);
  await refused;
  other.exec('COMMIT');
  const stopped = tasks.stop();
  await attempts(clock);
  await stopped;
});

describe('a transaction of the application on the connection of the store', () => {
  /** A database in which the application has written something, and not committed it. */
  function withTransaction(path: string): TestDatabase {
    const database = files.connect(path);
    database.exec('CREATE TABLE mine (x)');
    database.exec('BEGIN');
    database.exec('INSERT INTO mine VALUES (1)');
    return database;
  }

  const rowsOf = (database: TestDatabase): unknown => database.prepare('SELECT x FROM mine').all();

  it('is left alone, and what the store has to write is written after it', async () => {
    const clock = new ManualClock();
    const path = files.newPath();
    const database = files.connect(path);
    const driver = openDriver(database, { clock });
    await driver.create(draftOf('t'), 'a');
    database.exec('CREATE TABLE mine (x)');
    database.exec('BEGIN');
    database.exec('INSERT INTO mine VALUES (1)');
    const appended = append(driver, progressAt('t', 1));
    await attempts(clock);
    database.exec('COMMIT');
    await attempts(clock);
    expect(await appended).toEqual({ kind: 'committed' });
    expect(rowsOf(database)).toMatchObject([{ x: 1 }]);
    expect(await seqsIn(path)).toEqual([1]);
  });

  it('is left alone by the first call, which makes the tables after it', async () => {
    const clock = new ManualClock();
    const database = withTransaction(files.newPath());
    const driver = openDriver(database, { clock });
    const created = driver.create(draftOf('t'), 'a');
    const looked = driver.look(['t']);
    await attempts(clock);
    database.exec('COMMIT');
    await attempts(clock);
    expect(await created).toHaveProperty('created');
    await looked;
    expect(rowsOf(database)).toMatchObject([{ x: 1 }]);
  });

  it('is named as the reason where it stays open for too long', async () => {
    const clock = new ManualClock();
    const database = withTransaction(files.newPath());
    const driver = openDriver(database, { clock, timeoutMs: 100 });
    const fate = append(driver, progressAt('t', 1));
    await attempts(clock, 200);
    const message = expect.stringContaining('give the store a connection of its own') as string;
    expect(await fate).toMatchObject({ kind: 'refused', passing: true, cause: { code: 'STORE_UNAVAILABLE', message } });
    database.exec('COMMIT');
    expect(rowsOf(database)).toMatchObject([{ x: 1 }]);
  });
});

describe('a database that the application has closed', () => {
  it('is not written to any more, whatever its statements would still do', async () => {
    const path = files.newPath();
    const database = files.connect(path);
    const driver = openDriver(database);
    await driver.create(draftOf('t'), 'a');
    await append(driver, progressAt('t', 1));
    database.close();
    expect(await append(driver, progressAt('t', 2))).toMatchObject({ kind: 'refused' });
    await expect(driver.look(['t'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await seqsIn(path)).toEqual([1]);
  });
});

describe('a busy_timeout that is set later', () => {
  it('is taken back as soon as the file is found locked', async () => {
    const clock = new ManualClock();
    const path = files.newPath();
    const database = files.connect(path);
    const driver = openDriver(database, { clock });
    await driver.create(draftOf('t'), 'a');
    database.exec('PRAGMA busy_timeout = 20');
    const other = files.connect(path);
    other.exec('BEGIN IMMEDIATE');
    const appended = append(driver, progressAt('t', 1));
    await attempts(clock);
    expect(database.prepare('PRAGMA busy_timeout').get()).toMatchObject({ timeout: 0 });
    other.exec('COMMIT');
    await attempts(clock);
    expect(await appended).toEqual({ kind: 'committed' });
  });
});

describe('a file that is taken away while it is open', () => {
  it.each<[what: string, take: (path: string) => void]>([
    ['deleted', (path) => rmSync(path)],
    ['deprived of its WAL', (path) => rmSync(`${path}-wal`)],
    [
      'replaced',
      (path) => {
        copyFileSync(path, `${path}.copy`);
        renameSync(`${path}.copy`, path);
      },
    ],
  ])('accepts nothing within half a second of being %s, because nobody would ever read it', async (_what, take) => {
    const clock = new ManualClock();
    const path = files.newPath();
    const driver = openDriver(files.connect(path), { clock });
    await driver.create(draftOf('t'), 'a');
    take(path);
    clock.advance(500);
    const message = expect.stringContaining('deleted or replaced') as string;
    const cause = { code: 'STORE_UNAVAILABLE', message };
    expect(await append(driver, progressAt('t', 1))).toMatchObject({ kind: 'refused', cause });
    await expect(driver.beat({ instance: 'a', leaseMs: 1_000, schema: 2 })).rejects.toMatchObject(cause);
  });

  it.each(['', '-wal'])('is used again once it is back: tasks.db%s', async (suffix) => {
    const clock = new ManualClock();
    const path = files.newPath();
    const driver = openDriver(files.connect(path), { clock });
    await driver.create(draftOf('t'), 'a');
    renameSync(path + suffix, `${path}.away`);
    clock.advance(500);
    expect(await append(driver, progressAt('t', 1))).toMatchObject({ kind: 'refused' });
    renameSync(`${path}.away`, path + suffix);
    expect(await append(driver, progressAt('t', 1))).toEqual({ kind: 'committed' });
  });

  it('is used on where the application itself ends its WAL, and begins another one', async () => {
    const clock = new ManualClock();
    const database = files.connect();
    const driver = openDriver(database, { clock });
    await driver.create(draftOf('t'), 'a');
    for (const [n, mode] of ['DELETE', 'WAL'].entries()) {
      database.exec(`PRAGMA journal_mode = ${mode}`);
      clock.advance(500);
      expect(await append(driver, progressAt('t', n + 1))).toEqual({ kind: 'committed' });
    }
  });
});

describe('a database that gives its rows as arrays', () => {
  /** As `node:sqlite` does with `returnArrays`, for each statement until it is told otherwise. */
  const withArrays = (database: SqliteDatabase): SqliteDatabase => ({
    exec: (sql) => database.exec(sql),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      let isArray = true;
      const shaped = (row: unknown): unknown => (isArray && row ? Object.values(row) : row);
      return {
        run: (...values) => statement.run(...values),
        get: (...values) => shaped(statement.get(...values)),
        all: (...values) => (statement.all(...values) as unknown[]).map(shaped),
        setReturnArrays: (enabled) => (isArray = enabled),
      };
    },
  });

  it('gives the store objects', async () => {
    const driver = openDriver(withArrays(files.connect()));
    await driver.create(draftOf('t'), 'a');
    expect(await append(driver, progressAt('t', 1))).toEqual({ kind: 'committed' });
    expect(await driver.look(['t'])).toMatchObject([{ taskId: 't', top: { seq: 1 } }]);
  });
});
