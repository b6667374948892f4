import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { systemClock } from '../../lib/core/clock.js';
import { eachEvent } from '../../lib/distributed/port/entry.js';
import { START, type Entry } from '../../lib/distributed/port/stored.js';
import { createTaskManager } from '../../lib/index.js';
import { createSqliteStore } from '../../lib/sqlite/index.js';
import { compileLib } from '../support/processes/compiled-lib.js';
import { announceSeed, createRandom } from '../support/random/random.js';
import { openDriver } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { until } from '../support/clock/until.js';

const EVENTS = 60;
const KILLS = Number(process.env.KILLS ?? 15);
const CHILD = join(__dirname, '..', 'support', 'sqlite', 'sqlite-process.js');

const random = createRandom(announceSeed('killed processes on one SQLite file'));
const files = new SqliteFiles();
let libUrl = '';

beforeAll(() => {
  libUrl = compileLib('sqlite');
});

afterAll(() => {
  files.remove();
});

it.each([1, 3])(
  'every acknowledged event is kept once and every task ends when %i processes at a time are killed at random',
  async (processes) => {
    const path = files.newPath();
    const acknowledged = new Map<string, number>();
    const errors: string[] = [];
    const children: ChildProcess[] = [];
    const start = async (): Promise<void> => {
      const child = fork(CHILD, [libUrl, path, String(EVENTS)], { execArgv: [], silent: false });
      children.push(child);
      child.on('message', ({ taskId, n, error }: { taskId?: string; n?: number; error?: string }) => {
        if (taskId !== undefined && n !== undefined) acknowledged.set(taskId, n);
        if (error !== undefined) errors.push(error);
      });
      await once(child, 'message');
    };
    const kill = async (child: ChildProcess): Promise<void> => {
      children.splice(children.indexOf(child), 1);
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    };

    await Promise.all(Array.from({ length: processes }, start));
    for (let kills = 0; kills < KILLS; kills++) {
      const known = acknowledged.size + [...acknowledged.values()].reduce((sum, n) => sum + n, 0);
      const more = random.int(1, 120);
      await until(() => acknowledged.size + [...acknowledged.values()].reduce((sum, n) => sum + n, 0) >= known + more);
      await kill(random.pick(children));
      await start();
    }
    for (const child of [...children]) await kill(child);

    const tasks = createTaskManager({
      store: createSqliteStore({ database: files.connect(path), leaseMs: 500 }),
      sweepIntervalMs: 200,
    });
    const hasEnded = async (taskId: string): Promise<boolean> => (await tasks.getTaskInfo(taskId)).status !== 'running';
    for (const taskId of acknowledged.keys()) await until(() => hasEnded(taskId));
    const running = await tasks.listTasks({ status: 'running', limit: 10_000 });
    for (const { taskId } of running) await until(() => hasEnded(taskId));
    await tasks.stop();

    const driver = openDriver(files.connect(path), { clock: systemClock });
    expect(acknowledged.size).toBeGreaterThan(0);
    for (const [taskId, last] of acknowledged) {
      const names: (string | undefined)[] = [];
      const numbers: number[] = [];
      const seqs: number[] = [];
      for (const entry of await driver.readAfter(taskId, START, 10_000)) {
        each(entry, (seq, event, json) => {
          seqs.push(seq);
          names.push(event);
          if (event === undefined) numbers.push((JSON.parse(json) as { n: number }).n);
        });
      }
      expect(seqs).toEqual(seqs.map((_, i) => i + 1));
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      expect(numbers.length).toBeGreaterThanOrEqual(last);
      expect(names.filter((name) => name !== undefined)).toEqual([numbers.length === EVENTS ? names.at(-1) : 'failed']);
      expect(names.at(-1)).toBeDefined();
    }
    expect(errors).toEqual([]);
  },
  600_000 + 5_000 * KILLS,
);

function each(entry: Entry, take: (seq: number, event: string | undefined, json: string) => void): void {
  eachEvent(entry, 0, take);
}
