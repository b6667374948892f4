// A job with nobody attached produces 1,000,000 events: memory stays under the task's byte budget + 16 MiB, and whoever
// attaches then gets one `gap`, exactly the kept tail, and the end.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { Actor } from '../harness/actor.js';
import { integer, MIB, settledMemory } from '../harness/figures.js';
import { createTaskManager, listen } from '../harness/manager.js';
import { Reader, request } from '../harness/reader.js';
import { judge } from '../harness/rows.js';

const SLACK = 16 * MIB;

// The server's process.
const payload = (i) => ({ step: i, percent: i / 10_000, message: `Row ${i} checked` });
const peaks = { rss: 0, heapUsed: 0, external: 0 };
let baseline;
let manager;

function sample() {
  const { rss, heapUsed, external } = process.memoryUsage();
  peaks.rss = Math.max(peaks.rss, rss);
  peaks.heapUsed = Math.max(peaks.heapUsed, heapUsed);
  peaks.external = Math.max(peaks.external, external);
}

/** Serves one task, after a small one has compiled the code and filled the young generation of the heap. */
export async function serve({ events, budget }) {
  // So many events are allowed that the byte budget is what trims.
  const limits = { maxEventsPerTask: events, maxEventBytes: 4_096 };
  manager = createTaskManager({ ...limits, maxBytesPerTask: budget });
  const warmUp = createTaskManager({ ...limits, maxBytesPerTask: budget / 8 });
  let resumeKey;
  const server = createServer(async (req, res) => {
    if (req.url === '/start') ({ resumeKey } = await manager.startTask(req, produce));
    else if (req.url === '/warm-up') await warmUp.startTask(req, warm);
    else return (await manager.executeWithSSE(req, resumeKey, undefined, produce)).pipe(res);
    res.writeHead(202).end();
  });
  async function warm({ updateProgress }) {
    for (let i = 0; i < events / 3; i++) await updateProgress(payload(i));
    warm.done();
  }
  async function produce({ updateProgress }) {
    for (let i = 1; i <= events; i++) {
      await updateProgress(payload(i));
      if (i % 1_000 === 0) sample();
    }
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

export async function run({ quick }) {
  const events = quick ? 50_000 : 1_000_000;
  const budget = quick ? MIB / 2 : 8 * MIB;
  const server = await Actor.spawn(import.meta.url, 'server');
  const port = await server.call('serve', { events, budget });
  request({ port, path: '/start' });
  const task = await server.call('ended');
  const reader = new Reader({ port });
  await reader.closed;
  await server.exit();
  reader.assertExact();
  assert.equal(task.status, 'completed');
  assert.equal(task.lastSeq, events + 1);
  assert.ok(task.firstKeptSeq > 1 && task.bufferedBytes > budget / 2, 'the byte budget is used');
  assert.deepEqual(reader.gaps, [{ from: 1, to: task.firstKeptSeq - 1, reason: 'trimmed' }]);
  assert.equal(reader.events, events + 1 - (task.firstKeptSeq - 1));
  assert.equal(reader.lastSeq, events + 1);
  assert.equal(reader.terminal, 'complete');
  const row = (what, grown, slack) =>
    judge({
      workload: `${integer(events)} events with nobody attached, ${what}`,
      unit: 'MiB more',
      samples: { ours: [grown / MIB] },
      targets: [{ most: (budget + slack) / MIB }],
    });
  return [
    row('peak RSS', task.peaks.rss - task.baseline.rss, SLACK),
    row('heap and Buffers that stay', task.settled.used - task.baseline.used, MIB),
  ];
}
