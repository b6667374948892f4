// A job with nobody attached produces 1,000,000 events: memory stays under the task's byte budget + 16 MiB, and whoever
// attaches then gets one `gap`, exactly the kept tail, and the end.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Actor } from '../harness/actor.js';
import { integer, mib, MIB, settledMemory } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { Reader, request } from '../harness/reader.js';

const EVENTS = 1_000_000;
const BUDGET = 8 * MIB;
const SLACK = 16 * MIB;

// The server's process.
const payload = (i) => ({ step: i, total: EVENTS, percent: (100 * i) / EVENTS, message: `Row ${i} checked` });
const peaks = { rss: 0, heapUsed: 0, external: 0 };
let baseline;
let manager;

function sample() {
  const { rss, heapUsed, external } = process.memoryUsage();
  peaks.rss = Math.max(peaks.rss, rss);
  peaks.heapUsed = Math.max(peaks.heapUsed, heapUsed);
  peaks.external = Math.max(peaks.external, external);
}

async function produce({ updateProgress }) {
  for (let i = 1; i <= EVENTS; i++) {
    await updateProgress(payload(i));
    if (i % 1_000 === 0) sample();
  }
}

/** Serves one task, after a small one has compiled the code and filled the young generation of the heap. */
export async function serve() {
  // So many events are allowed that the byte budget is what trims.
  manager = createTaskManager({ maxBytesPerTask: BUDGET, maxEventsPerTask: EVENTS });
  const warmUp = createTaskManager({ maxBytesPerTask: BUDGET / 8, maxEventsPerTask: EVENTS });
  let resumeKey;
  const server = createServer(async (req, res) => {
    if (req.url === '/start') ({ resumeKey } = await manager.startTask(req, produce));
    else if (req.url === '/warm-up') await warmUp.startTask(req, warm);
    else return (await manager.executeWithSSE(req, resumeKey, undefined, produce)).pipe(res);
    res.writeHead(202).end();
  });
  async function warm({ updateProgress }) {
    for (let i = 0; i < 300_000; i++) await updateProgress(payload(i));
    warm.done();
  }
  const port = await listen(server);
  const warmed = new Promise((resolve) => (warm.done = resolve));
  request({ port, path: '/warm-up' });
  await warmed;
  await warmUp.stop();
  const { rss } = process.memoryUsage(); // before gc: with a young generation as large as such a job makes it
  baseline = { ...(await settledMemory()), rss };
  return port;
}

export async function ended() {
  while (manager.getStatistics().running > 0 || manager.getStatistics().started === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [{ firstKeptSeq, lastSeq, bufferedBytes, bufferedEvents, status }] = await manager.listTasks();
  const settled = await settledMemory();
  return { firstKeptSeq, lastSeq, bufferedBytes, bufferedEvents, status, peaks, baseline, settled };
}

export async function run() {
  const server = await Actor.spawn(import.meta.url);
  const port = await server.call('serve');
  const start = performance.now();
  request({ port, path: '/start' });
  const task = await server.call('ended');
  const seconds = (performance.now() - start) / 1_000;
  const grown = (peak, before) => `${mib(peak - before)} (${mib(before)} → ${mib(peak)})`;
  console.log(
    `${integer(EVENTS)} events in ${seconds.toFixed(1)} s; ${integer(task.bufferedEvents)} kept, ${mib(task.bufferedBytes)}`,
  );
  console.log(`peak RSS              + ${grown(task.peaks.rss, task.baseline.rss)}`);
  console.log(`peak heap             + ${grown(task.peaks.heapUsed, task.baseline.heapUsed)}, garbage included`);
  console.log(`peak external         + ${grown(task.peaks.external, task.baseline.external)}, garbage included`);
  console.log(`after gc              + ${grown(task.settled.used, task.baseline.used)}`);

  const reader = new Reader({ port });
  await reader.closed;
  await server.exit();
  console.log(
    `a client then: gap ${JSON.stringify(reader.gaps)}, ${integer(reader.events)} events, ${reader.terminal}`,
  );
  reader.assertExact();
  assert.equal(task.status, 'completed');
  assert.equal(task.lastSeq, EVENTS + 1);
  assert.ok(task.firstKeptSeq > 1 && task.bufferedBytes > BUDGET / 2, 'the byte budget is used');
  assert.deepEqual(reader.gaps, [{ from: 1, to: task.firstKeptSeq - 1, reason: 'trimmed' }]);
  assert.equal(reader.events, EVENTS + 1 - (task.firstKeptSeq - 1));
  assert.equal(reader.lastSeq, EVENTS + 1);
  assert.equal(reader.terminal, 'complete');
  for (const figure of ['rss', 'external']) {
    assert.ok(task.peaks[figure] - task.baseline[figure] < BUDGET + SLACK, `${figure} grew too much`);
  }
  assert.ok(task.settled.used - task.baseline.used < BUDGET + MIB, 'more is kept than the budget');
}

if (process.argv[1] === import.meta.filename) await run();
