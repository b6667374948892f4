// One client that never reads, next to 100 that do, at 10,000 events/s for 30 s: the process does not grow, and the
// others do not notice. Phases without and with the slow client alternate in one run.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from '../harness/actor.js';
import { cpuMicros, Histogram, integer, median, mib, MIB, nowMicros, settledMemory } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { openReaders, request } from '../harness/reader.js';

const READERS = 100;
const EVENTS_PER_SECOND = 10_000;
const TICK_MS = 10;
/** Buffers wait for garbage collection: after so long the process is as large as 100 clients make it. */
const WARM_UP_SECONDS = 40;
const WITH_SECONDS = 30;
const WITHOUT_SECONDS = 10;
const MAX_GROWTH = 16 * MIB;
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

/** How much the last client that came was sent, and how much waits for it in this process. */
export const backlog = () => ({
  sent: lastSocket.bytesWritten - lastSocket.writableLength,
  waits: lastSocket.writableLength,
});

export const memory = settledMemory;

export async function cpu() {
  return cpuMicros();
}

export async function end() {
  const [{ taskId }] = await manager.listTasks();
  await manager.cancelTask(taskId);
}

// The load's process.
const latencies = new Histogram();
let readers;
let slow;

export async function attach(port) {
  readers = await openReaders(READERS, { port, path: PATH, onTime: (t) => latencies.add(nowMicros() - t) });
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

export async function run() {
  const server = await Actor.spawn(import.meta.url, { core: 0 });
  const load = await Actor.spawn(import.meta.url, { core: 1 });
  const port = await server.call('serve');
  await load.call('attach', port);
  await sleep(WARM_UP_SECONDS * 1_000);
  const phases = [];
  for (const kind of ['without', 'with', 'without', 'with', 'without']) {
    if (kind === 'with') await load.call('attachSlow', port);
    const before = { memory: await server.call('memory'), cpu: await server.call('cpu') };
    await load.call('latency');
    const seconds = kind === 'with' ? WITH_SECONDS : WITHOUT_SECONDS;
    await sleep(seconds * 1_000);
    const { count, p50, p99 } = await load.call('latency');
    const busy = ((await server.call('cpu')) - before.cpu) / seconds / 1e6;
    const after = await server.call('memory');
    if (kind === 'with') {
      const { sent, waits } = await server.call('backlog');
      console.log(`the slow one was sent ${mib(sent)}, ${mib(waits)} wait for it, the log has moved on`);
      await load.call('dropSlow');
    }
    const [rss, used] = ['rss', 'used'].map((name) => after[name] - before.memory[name]);
    phases.push({ kind, p99, rss, used });
    const rate = integer(count / READERS / seconds);
    console.log(
      `${kind.padEnd(7)} the slow one, ${seconds} s: ${rate} events/s to each, p50 ${p50} ms, p99 ${p99} ms, ` +
        `RSS ${mib(before.memory.rss)} → ${mib(after.rss)}, heap + external after gc ${mib(before.memory.used)} → ${mib(after.used)}, ` +
        `server CPU ${(100 * busy).toFixed(0)} %`,
    );
  }
  await server.call('end');
  const { events } = await load.call('verify');
  await Promise.all([server.exit(), load.exit()]);
  console.log(`each of the ${READERS} readers got exactly ${integer(events)} events in order`);
  const p99 = (kind) => median(phases.filter((phase) => phase.kind === kind).map((phase) => phase.p99));
  console.log(`p99 with ${p99('with')} ms, without ${p99('without')} ms`);
  for (const { rss, used } of phases.filter(({ kind }) => kind === 'with')) {
    assert.ok(rss < MAX_GROWTH, `RSS grew by ${mib(rss)}`);
    assert.ok(used < MAX_GROWTH, `heap and Buffers grew by ${mib(used)}`);
  }
  // On a machine that does other things too, two equal phases differ by this much.
  assert.ok(p99('with') <= 1.25 * p99('without') + 2, 'the slow one costs the others');
}

if (process.argv[1] === import.meta.filename) await run();
