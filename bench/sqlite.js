// The SQLite store on libsql: events a second at 1, 20 and 200 a turn, stalls at 1,000 events a second, and the size of the
// file while tasks come and go: `npm run bench:sqlite`. `--quick` makes it small: then the figures mean nothing.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import Database from 'libsql';
import { createTaskManager } from '../dist/esm/index.js';
import { createSqliteStore } from '../dist/esm/sqlite/index.js';

const PROGRESS = { step: 12_345, total: 200_000, message: 'What a job says of itself, about as long as this' };
const request = Object.assign(new IncomingMessage(new Socket()), { method: 'POST', url: '/', httpVersionMajor: 1 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs `work` with a manager over a new file; gives it the file's size as well. */
async function withStore(options, work) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-sqlite-'));
  const path = join(folder, 'tasks.db');
  const database = new Database(path);
  const tasks = createTaskManager({ store: createSqliteStore({ database }), timeoutMs: Infinity, ...options });
  try {
    return await work(tasks, () => statSync(path).size);
  } finally {
    await tasks.stop();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves to what `work` makes of `updateProgress`, inside a job. */
async function inJob(tasks, work) {
  return new Promise((resolve, reject) => {
    const job = ({ updateProgress }) => work(updateProgress).then(resolve, reject);
    tasks.startTask(request, job).catch(reject);
  });
}

async function throughput(perTurn, ms) {
  return withStore({}, (tasks) =>
    inJob(tasks, async (updateProgress) => {
      const start = performance.now();
      const cpu = process.cpuUsage();
      let events = 0;
      while (performance.now() - start < ms) {
        const commits = [];
        for (let n = 0; n < perTurn; n++) commits.push(updateProgress(PROGRESS));
        await Promise.all(commits);
        events += perTurn;
      }
      const { user, system } = process.cpuUsage(cpu);
      return { rate: (events * 1_000) / (performance.now() - start), cpuUs: (user + system) / events };
    }),
  );
}

/** The delays of the event loop while a job sends 1,000 events a second. */
async function stalls(tasks, ms) {
  return inJob(tasks, async (updateProgress) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const start = performance.now();
    delay.enable();
    let sent = 0;
    while (performance.now() - start < ms) {
      for (const due = performance.now() - start; sent < due; sent++) void updateProgress(PROGRESS);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    delay.disable();
    const stallMs = (ns) => (ns / 1e6 - 1).toFixed(1);
    return `p99 ${stallMs(delay.percentile(99))} ms, worst ${stallMs(delay.max)} ms`;
  });
}

async function stallsInMemory(ms) {
  const tasks = createTaskManager({ timeoutMs: Infinity });
  try {
    return await stalls(tasks, ms);
  } finally {
    await tasks.stop();
  }
}

async function growth(rounds) {
  return withStore({ ttlMs: 200, sweepIntervalMs: 50 }, async (tasks, size) => {
    const sizes = [];
    for (let round = 0; round < rounds; round++) {
      for (let task = 0; task < 20; task++) {
        await inJob(tasks, async (updateProgress) => {
          for (let n = 0; n < 200; n++) void updateProgress(PROGRESS);
          await turn();
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      sizes.push(size());
    }
    return sizes;
  });
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const ms = values.quick ? 100 : 5_000;
for (const perTurn of [1, 20, 200]) {
  const { rate, cpuUs } = await throughput(perTurn, ms);
  const atLeast = perTurn === 20 ? ' (≥ 150,000 on an idle machine)' : '';
  console.log(
    `${perTurn} a turn: ${Math.round(rate).toLocaleString('en')} events/s${atLeast}, ${cpuUs.toFixed(2)} µs of CPU each`,
  );
}
console.log('1,000 events/s: the event loop stalls');
console.log(`  with the store: ${await withStore({}, (tasks) => stalls(tasks, ms))} (p99 < 5 ms)`);
console.log(`  without a store: ${await stallsInMemory(ms)}`);
const sizes = await growth(values.quick ? 3 : 40);
console.log(`tasks that come and go: ${sizes.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ')} MB`);
process.exit();
