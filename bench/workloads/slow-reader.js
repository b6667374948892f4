// One client that never reads, next to 100 that do, at 10,000 events/s for 30 s: the process does not grow, and the
// others do not notice. Phases without and with the slow client alternate in one run.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from '../harness/actor.js';
import { Histogram, integer, median, MIB, nowMicros, settledMemory } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { openReaders, request } from '../harness/reader.js';
import { judge } from '../harness/rows.js';

const EVENTS_PER_SECOND = 10_000;
const TICK_MS = 10;
/** Buffers wait for garbage collection: after so long the process is as large as 100 clients make it. */
const SECONDS = { warmUp: 40, with: 30, without: 10 };
const QUICK_SECONDS = { warmUp: 2, with: 3, without: 2 };
const MAX_GROWTH_MIB = 16;
const PATH = '/stream?idempotency_key=slow-reader';

// The server's process.
const manager = createTaskManager();

/** Keeps the pace whatever a single tick takes: what is due by now is emitted now. */
async function produce({ signal, updateProgress }) {
  const start = performance.now();
  for (let sent = 0; !signal.aborted;) {
    const due = Math.floor(((performance.now() - start) / 1_000) * EVENTS_PER_SECOND);
    const t = nowMicros();
    for (; sent < due; sent++) void updateProgress({ t });
    await sleep(TICK_MS);
  }
}

let lastSocket;

export const serve = () =>
  listen(
    createServer(async (req, res) => {
      const stream = await manager.executeWithSSE(req, undefined, undefined, produce);
      await stream.pipe(res);
    }).on('connection', (socket) => (lastSocket = socket)),
  );

/** The last client that came takes nothing, so much of it waits here. */
export const stalled = () => lastSocket.writableNeedDrain;

export const memory = settledMemory;

export async function end() {
  const [{ taskId }] = await manager.listTasks();
  await manager.cancelTask(taskId);
}

// The load's process.
const latencies = new Histogram();
let readers;
let slow;

export async function attach(port, count) {
  readers = await openReaders(count, { port, path: PATH, onTime: (t) => latencies.add(nowMicros() - t) });
}

/** A client that asks for the stream and never takes a byte of it. */
export function attachSlow(port) {
  slow = request({ port, path: PATH }).pause();
}

export function dropSlow() {
  slow.destroy();
}

/** What the readers got since the last call. */
export function latency() {
  const { count } = latencies;
  const [p50, p99] = [0.5, 0.99].map((q) => latencies.quantile(q));
  latencies.clear();
  return { count, p50, p99 };
}

/** Every reader's sequence was exact, without a hole, to the end. */
export async function verify() {
  await Promise.all(readers.map(({ closed }) => closed));
  for (const reader of readers) {
    reader.assertExact();
    assert.equal(reader.terminal, 'cancelled');
    assert.deepEqual(reader.gaps, []);
  }
  return { events: readers[0].events };
}

export async function run({ quick }) {
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const count = quick ? 10 : 100;
  const server = await Actor.spawn(import.meta.url, 'server');
  const load = await Actor.spawn(import.meta.url, 'load');
  const port = await server.call('serve');
  await load.call('attach', port, count);
  await sleep(seconds.warmUp * 1_000);
  const p99 = { with: [], without: [] };
  const grown = { rss: [], used: [] };
  for (const kind of ['without', 'with', 'without', 'with', 'without']) {
    if (kind === 'with') await load.call('attachSlow', port);
    const before = await server.call('memory');
    await load.call('latency');
    await sleep(seconds[kind] * 1_000);
    p99[kind].push((await load.call('latency')).p99);
    if (kind === 'without') continue;
    const after = await server.call('memory');
    for (const [name, values] of Object.entries(grown)) values.push((after[name] - before[name]) / MIB);
    // Until then the kernel takes what is for it.
    assert.ok(quick || (await server.call('stalled')), 'the slow one has stopped');
    await load.call('dropSlow');
  }
  await server.call('end');
  await load.call('verify');
  await Promise.all([server.exit(), load.exit()]);
  const workload = `one that never reads beside ${count}, ${integer(EVENTS_PER_SECOND)} events/s`;
  const alone = median(p99.without);
  const row = (what, unit, ours, most) =>
    judge({ workload: `${workload}, ${what}`, unit, samples: { ours }, targets: [{ most }] });
  return [
    row('RSS', 'MiB more', grown.rss, MAX_GROWTH_MIB),
    row('heap and Buffers', 'MiB more', grown.used, MAX_GROWTH_MIB),
    // On a machine that does other things too, two equal phases differ by this much.
    row('p99 of the others', 'ms', p99.with, 1.25 * alone + 2),
  ];
}
