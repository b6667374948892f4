// 10,000 tasks end and expire, 1,000 clients connect and go: everything is back to what it was, and the process exits
// by itself after `stop()`.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from '../harness/actor.js';
import { integer, settledMemory } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { openReaders } from '../harness/reader.js';
import { judge } from '../harness/rows.js';

const TTL_MS = 300;
const REQUEST = { method: 'POST', url: '/', headers: {} };

// The server's process.
let manager;
let server;

/** One long task that clients watch, and the routes to it. */
export async function serve() {
  manager = createTaskManager({ ttlMs: TTL_MS, sweepIntervalMs: 50, heartbeatMs: 200 });
  server = createServer(async (req, res) => {
    const stream = await manager.executeWithSSE(req, undefined, req.socket.remotePort?.toString(), watched);
    await stream.pipe(res);
  });
  return listen(server);
}

/** Talks until it is told to stop. */
async function watched({ signal, updateProgress }) {
  for (let i = 1; !signal.aborted; i++) {
    await updateProgress({ step: i });
    await sleep(10, undefined, { signal }).catch(() => {});
  }
}

async function short({ updateProgress }, taskId) {
  for (let i = 0; i < 5; i++) await updateProgress({ step: i, taskId });
  if (Number.parseInt(taskId.slice(-2), 16) % 3 === 0) throw new Error('a third of them fail');
  return { rows: 5 };
}

export async function runTasks(count) {
  process.removeAllListeners('warning').on('warning', () => {}); // every failed task is one
  for (let i = 0; i < count; i++) {
    await manager.startTask(REQUEST, short);
    if (i % 100 === 0) await new Promise(setImmediate);
  }
}

export async function cancelAll() {
  const tasks = await manager.listTasks({ status: 'running', limit: Infinity });
  await Promise.all(tasks.map(({ taskId }) => manager.cancelTask(taskId)));
}

/** Resolves when nothing is kept any more, or after 10 s. */
export async function state() {
  const kept = () => {
    const { running, finished, tombstones, connections, bufferedBytes } = manager.getStatistics();
    return { running, finished, tombstones, connections, bufferedBytes };
  };
  for (let i = 0; i < 100 && Object.values(kept()).some((count) => count > 0); i++) await sleep(100);
  const { heapUsed } = await settledMemory();
  return {
    kept: kept(),
    heapUsed,
    resources: process.getActiveResourcesInfo().sort(),
    counts: manager.getStatistics(),
  };
}

export async function stop() {
  await manager.stop();
  server.close();
  server.closeIdleConnections();
}

// The main process.
async function churn(actor, port, tasks, clients) {
  await actor.call('runTasks', tasks);
  const readers = await openReaders(clients, { port });
  await Promise.all(readers.map((reader) => reader.reached(3)));
  for (const { socket } of readers.slice(0, clients / 2)) socket.destroy();
  await actor.call('cancelAll'); // the others see the end
  await Promise.all(readers.map(({ closed }) => closed));
  for (const { terminal } of readers.slice(clients / 2)) assert.equal(terminal, 'cancelled');
  return actor.call('state');
}

export async function run({ quick }) {
  const tasks = quick ? 1_000 : 10_000;
  const clients = quick ? 100 : 1_000;
  const actor = await Actor.spawn(import.meta.url, 'server');
  const port = await actor.call('serve');
  const fresh = await actor.call('state');
  await churn(actor, port, tasks / 2, clients / 2); // compiles the code, sizes the maps
  const before = await churn(actor, port, tasks / 2, clients / 2);
  const after = await churn(actor, port, tasks, clients);
  const { started, completed, failed, cancelled } = after.counts;
  await actor.call('stop');
  await actor.release();
  const code = await Promise.race([actor.exited, sleep(5_000, 'nothing: it still runs', { ref: false })]);

  assert.deepEqual(Object.values(after.kept), [0, 0, 0, 0, 0]);
  assert.equal(started, completed + failed + cancelled);
  assert.deepEqual(after.resources, fresh.resources);
  assert.equal(code, 0);
  return [
    judge({
      workload: `${integer(tasks)} tasks end and expire, ${integer(clients)} clients come and go; heap over before`,
      unit: '×',
      samples: { ours: [after.heapUsed / before.heapUsed] },
      targets: [{ most: 1.1 }],
    }),
  ];
}
