import fs, { readFileSync, writeFileSync } from 'node:fs';
import type { TaskError } from '../../lib/core/errors.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import { createSqliteDriver } from '../../lib/sqlite/sqlite-driver.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { append, draftOf, openDriver, PREFIX, progressAt } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();

afterAll(() => {
  files.remove();
});

const failure = async (call: Promise<unknown>): Promise<TaskError> =>
  call.then(
    () => {
      throw new Error('It did not fail');
    },
    (error: unknown) => error as TaskError,
  );

/** Lets everything that waits for a turn of the event loop have a few. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a SQLite file that another connection keeps locked', () => {
  it('is tried again until the lock is free, without blocking the event loop', async () => {
    const path = files.newPath();
    const clock = new ManualClock();
    const driver = openDriver(files.connect(path), { clock });
    await driver.create(draftOf('t'), 'a');
    const other = files.connect(path);
    other.exec('BEGIN IMMEDIATE');
    let fate: unknown;
    const appended = append(driver, progressAt('t', 1)).then((answer) => (fate = answer));
    for (let tries = 0; tries < 10; tries++) {
      await turns();
      clock.advance(20);
    }
    expect(fate).toBeUndefined();
    expect(await driver.look(['t'])).toMatchObject([{ top: { seq: 0 } }]);
    other.exec('COMMIT');
    await turns();
    clock.advance(20);
    await appended;
    expect(fate).toEqual({ kind: 'committed' });
    expect(clock.timers).toBe(0);
  });

  it('refuses calls before anybody has waited for timeoutMs, says why, and has changed nothing', async () => {
    const path = files.newPath();
    const clock = new ManualClock();
    const driver = openDriver(files.connect(path), { clock, timeoutMs: 100 });
    await driver.create(draftOf('t'), 'a');
    const other = files.connect(path);
    other.exec('BEGIN IMMEDIATE');
    const refused = append(driver, progressAt('t', 1));
    const failed = failure(driver.create(draftOf('u'), 'a'));
    // Whoever waits for `timeoutMs` is told only that there was no answer.
    for (let tries = 0; tries < 19; tries++) {
      await turns();
      clock.advance(5);
    }
    await turns();
    const cause = { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('kept the database locked') as string };
    expect(await refused).toMatchObject({ kind: 'refused', passing: true, cause });
    expect(await failed).toMatchObject(cause);
    other.exec('COMMIT');
    expect(await append(driver, progressAt('t', 1))).toEqual({ kind: 'committed' });
    expect(await driver.read({ taskId: 'u' })).toBeUndefined();
  });

  it('is never waited for inside SQLite', () => {
    const database = files.connect();
    database.exec('PRAGMA busy_timeout = 5000');
    openDriver(database);
    expect(database.prepare('PRAGMA busy_timeout').get()).toMatchObject({ timeout: 0 });
  });
});

describe('a full disk', () => {
  it('refuses events, keeps all that were acknowledged, and goes on when there is space', async () => {
    const database = files.connect();
    const driver = openDriver(database);
    await driver.create(draftOf('t'), 'a');
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.prepare(`PRAGMA max_page_count = ${pages + 20}`).get();
    const text = JSON.stringify('x'.repeat(5_000));
    let seq = 0;
    let fate = await append(driver, progressAt('t', 1, text));
    while (fate.kind === 'committed') fate = await append(driver, progressAt('t', ++seq + 1, text));
    expect(seq).toBeGreaterThan(3);
    expect(fate).toMatchObject({ kind: 'refused', passing: true });
    expect((fate as { cause: Error }).cause.message).toContain('the disk is full; free some space');
    const kept = await driver.readAfter('t', { token: 0, seq: 0 }, 1_000);
    expect(kept.map(({ place }) => place.seq)).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
    database.prepare('PRAGMA max_page_count = 100000').get();
    expect(await append(driver, progressAt('t', seq + 1, text))).toEqual({ kind: 'committed' });
  });

  it('holds up only a batch that does not fit: a small one of the same turn is written', async () => {
    const database = files.connect();
    const driver = openDriver(database);
    await Promise.all([driver.create(draftOf('large'), 'a'), driver.create(draftOf('small'), 'a')]);
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.prepare(`PRAGMA max_page_count = ${pages + 4}`).get();
    const fates = await Promise.all(
      driver.append([progressAt('large', 1, JSON.stringify('x'.repeat(100_000))), progressAt('small', 1)]),
    );
    expect(fates).toMatchObject([{ kind: 'refused' }, { kind: 'committed' }]);
  });
});

describe('a file that cannot be written', () => {
  it('can still be read, and says why it accepts no writes', async () => {
    const path = files.newPath();
    const first = openDriver(files.connect(path));
    await first.create(draftOf('t'), 'a');
    await append(first, progressAt('t', 1));
    const database = files.connect(path);
    database.exec('PRAGMA query_only = ON');
    const driver = openDriver(database);
    expect(await driver.look(['t'])).toMatchObject([{ top: { seq: 1 } }]);
    const error = await failure(driver.beat({ instance: 'a', leaseMs: 1_000, schema: 2 }));
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(error.message).toContain('the database cannot be written to; let this process write to');
    expect(await append(driver, progressAt('t', 2))).toMatchObject({ kind: 'refused', passing: true });
  });
});

describe('a file that is not what it should be', () => {
  it('from a newer release is refused by its layout, by every call', async () => {
    const path = files.newPath();
    const database = files.connect(path);
    await openDriver(database).create(draftOf('t'), 'a');
    database.exec(`UPDATE ${PREFIX}layout SET number = 99`);
    const driver = openDriver(files.connect(path));
    for (const call of [driver.read({ taskId: 't' }), driver.create(draftOf('u'), 'a')]) {
      const error = await failure(call);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(error.message).toMatch(/layout 99.*update resumable-sse/);
    }
  });

  it('is refused by the next beat where a newer release takes it over meanwhile', async () => {
    const database = files.connect();
    const driver = openDriver(database);
    const beat = { instance: 'a', leaseMs: 1_000, schema: 2 };
    await driver.beat(beat);
    database.exec(`UPDATE ${PREFIX}layout SET number = 99`);
    expect((await failure(driver.beat(beat))).message).toContain('layout 99');
  });

  it('is refused where it is no database', async () => {
    const path = files.newPath();
    writeFileSync(path, 'This is a text, and no database at all. '.repeat(100));
    const error = await failure(openDriver(files.connect(path)).read({ taskId: 't' }));
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(error.message).toContain('not a SQLite database; give the store a path of its own');
  });

  it('is reported as damaged, and gives no data that may be wrong', async () => {
    const path = files.newPath();
    const database = files.connect(path);
    const driver = openDriver(database);
    await driver.create(draftOf('t'), 'a');
    for (let seq = 1; seq <= 50; seq++) await append(driver, progressAt('t', seq, JSON.stringify('x'.repeat(2_000))));
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4_096);
    writeFileSync(path, bytes);
    const other = openDriver(files.connect(path));
    const error = await failure(other.readAfter('t', { token: 0, seq: 0 }, 100));
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(error.message).toContain('damaged; stop all processes and restore a backup');
  });

  it('is refused on a network file system, which processes cannot share safely', async () => {
    const statfs = jest
      .spyOn(fs, 'statfsSync')
      .mockReturnValue(Object.assign(fs.statfsSync(files.folder), { type: 0x6969 }));
    try {
      const error = await failure(openDriver(files.connect()).read({ taskId: 't' }));
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(error.message).toContain(
        'network file system, where processes cannot share it safely: keep it on a local disk',
      );
    } finally {
      statfs.mockRestore();
    }
  });

  it('is refused at once where the database is closed', () => {
    const database = files.connect();
    database.close();
    expect(() => openDriver(database)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('that is closed while the store is used says so', async () => {
    const database = files.connect();
    const driver = openDriver(database);
    await driver.create(draftOf('t'), 'a');
    database.close();
    expect(await failure(driver.walk(undefined, 10))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('the settings of the user', () => {
  it.each([
    ['FULL, which is the default, becomes NORMAL', 'FULL', 1],
    ['EXTRA stays', 'EXTRA', 3],
    ['OFF stays', 'OFF', 0],
  ])('for PRAGMA synchronous are kept: %s', async (_what, given, expected) => {
    const database = files.connect();
    database.exec(`PRAGMA synchronous = ${given}`);
    await openDriver(database).look(['t']);
    expect(database.prepare('PRAGMA synchronous').get()).toMatchObject({ synchronous: expected });
  });

  it('for the prefix keep two stores in one file apart', async () => {
    const database = files.connect();
    await openDriver(database).create(draftOf('t'), 'a');
    const other = createSqliteDriver(database, 'other_');
    other.open({ ...settingsOf(), instance: 'b' });
    expect(await other.read({ taskId: 't' })).toBeUndefined();
  });

  it.each(['Tasks_', 'resumable_SSE_', 'sqlite_', '1_', 'a b', 'ä_'])('for the prefix cannot be %s', (prefix) => {
    const open = (): unknown => createSqliteStore({ database: files.connect(), prefix });
    expect(open).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

const settingsOf = () => ({
  clock: new ManualClock(),
  ttlMs: 1_000,
  runningTtlMs: 1_000,
  limits: { maxEvents: 100, maxBytes: 10_000 },
  maxTasksPerOwner: Infinity,
  timeoutMs: 100,
});
