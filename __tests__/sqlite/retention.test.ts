import type { TaskDriver } from '../../lib/store/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { append, draftOf, openDriver, PREFIX, progressAt } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles, type TestDatabase } from '../support/sqlite/sqlite-files.js';

const files = new SqliteFiles();
const TABLES = ['tasks', 'entries', 'documents'];

afterAll(() => {
  files.remove();
});

const count = (database: TestDatabase, table: string): number =>
  (database.prepare(`SELECT count(*) AS rows FROM ${PREFIX}${table}`).get() as { rows: number }).rows;

async function runTask(driver: TaskDriver, taskId: string, events: number): Promise<void> {
  await driver.create(draftOf(taskId, { owner: 'ann', idempotencyKey: taskId, slot: taskId }), 'a');
  const text = JSON.stringify('x'.repeat(1_000));
  for (let seq = 1; seq < events; seq++) await append(driver, progressAt(taskId, seq, text));
  const moves = [
    { subscriberId: 's', position: undefined },
    { subscriberId: 's', position: 1 },
    { subscriberId: 'u', position: undefined },
  ];
  await driver.reportAudience([{ taskId, instance: 'a', version: 1, count: 1, moves }]);
  const ending = { status: 'completed' as const, outcome: '{}' };
  await append(driver, progressAt(taskId, events, text, { ending }));
}

describe('a task that is forgotten in a SQLite file', () => {
  it('leaves nothing once its tombstone has expired', async () => {
    const database = files.connect();
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    for (let task = 0; task < 30; task++) await runTask(driver, `t${task}`, task === 0 ? 500 : 5);
    clock.advance(1_000);
    const { gone, left } = await driver.expire(1_000);
    expect(gone).toHaveLength(30);
    expect(left).toBeGreaterThan(0);
    expect(TABLES.map((table) => count(database, table))).toEqual([30, 0, 0]);
    clock.advance(1_000);
    expect(await driver.expire(1_000)).toEqual({ gone: [], left: 0 });
    expect(TABLES.map((table) => count(database, table))).toEqual([0, 0, 0]);
  });

  it('is deleted a few hundred rows at a time, between other transactions', async () => {
    const database = files.connect();
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    await runTask(driver, 'old', 2_000);
    clock.advance(1_000);
    await driver.create(draftOf('new'), 'a');
    const order: string[] = [];
    const expired = driver.expire(10).then(() => order.push('expired'));
    for (let seq = 1; seq <= 5; seq++) await append(driver, progressAt('new', seq));
    order.push('appended');
    await expired;
    expect(order).toEqual(['appended', 'expired']);
  });

  it('makes room for the next ones: the file grows no further', async () => {
    const path = files.newPath();
    const database = files.connect(path);
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    const sizes: number[] = [];
    for (let round = 0; round < 12; round++) {
      for (let task = 0; task < 10; task++) await runTask(driver, `t${round}-${task}`, 20);
      clock.advance(1_000);
      await driver.expire(1_000);
      sizes.push((database.prepare('PRAGMA page_count').get() as { page_count: number }).page_count);
    }
    // Twelve rounds would make it twelve times as large.
    expect(Math.max(...sizes)).toBeLessThan(1.5 * sizes[1]!);
  });

  it('gives the file back to the disk where most of it is free', async () => {
    const database = files.connect();
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    await driver.create(draftOf('large'), 'a');
    const text = JSON.stringify('x'.repeat(100_000));
    for (let seq = 1; seq < 100; seq++) await append(driver, progressAt('large', seq, text));
    const ending = { status: 'completed' as const, outcome: '{}' };
    await append(driver, progressAt('large', 100, text, { ending }));
    const pages = (): number => (database.prepare('PRAGMA page_count').get() as { page_count: number }).page_count;
    const before = pages();
    clock.advance(1_000);
    await driver.expire(10);
    expect(pages()).toBeLessThan(before / 2);
  });

  it('leaves the free pages of a file that the store has not made: it asks for them no more than once', async () => {
    const database = files.connect();
    database.exec(`CREATE TABLE mine (text); INSERT INTO mine VALUES (zeroblob(20000000)); DELETE FROM mine`);
    const exec = jest.spyOn(database, 'exec');
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    await runTask(driver, 't', 2);
    clock.advance(1_000);
    expect(await driver.expire(10)).toMatchObject({ gone: ['t'] });
    expect(exec.mock.calls.filter(([sql]) => sql.includes('incremental_vacuum'))).toHaveLength(1);
  });

  it('never shows its events under the id of a new task', async () => {
    const database = files.connect();
    const clock = new ManualClock();
    const driver = openDriver(database, { clock, ttlMs: 1_000 });
    await runTask(driver, 'old', 20);
    clock.advance(1_000);
    // A process that dies here has forgotten the task, and not yet deleted its entries.
    database.exec(`UPDATE ${PREFIX}tasks SET record = json_set(record, '$.isForgotten', json('true'))`);
    clock.advance(1_000);
    await driver.expire(10);
    await driver.create(draftOf('new'), 'a');
    expect(await driver.readAfter('new', { token: 0, seq: 0 }, 100)).toEqual([]);
    expect(count(database, 'entries')).toBe(0);
  });
});
