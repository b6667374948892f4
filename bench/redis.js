// The Redis store beside raw commands of the same client, in one run: `npm run bench:redis`. Needs redis-server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis5';
import { createRedisStore } from '../dist/esm/redis/index.js';
import { systemClock } from '../dist/esm/core/clock.js';
import { encodeEvent } from '../dist/esm/sse/frame.js';

const PORT = Number(process.env.BENCH_REDIS_PORT ?? 16_399);
const TASKS = 100;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const directory = mkdtempSync(join(tmpdir(), 'bench-redis-'));
const server = spawn('redis-server', ['--port', PORT, '--save', '', '--dir', directory], { stdio: 'ignore' });
const json = JSON.stringify({ step: 1, total: 10, text: 'x'.repeat(60) });
const turn = () => new Promise((resolve) => setImmediate(resolve));
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const percentile = (values, part) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)];

const connect = async () => {
  const client = new Redis(PORT, { retryStrategy: () => 50 });
  client.on('error', () => undefined);
  if (client.status !== 'ready') await once(client, 'ready');
  return client;
};

const settings = {
  clock: systemClock,
  ttlMs: 60_000,
  timeoutMs: 10_000,
  onLost: 'fail',
  log: { maxEvents: 10_000, maxBytes: 8_388_608 },
  maxBufferedBytes: 268_435_456,
  maxTasksPerOwner: Infinity,
  encode: encodeEvent,
};
const executor = { cancelRequested() {}, audienceChanged() {}, fenced() {} };

const openStore = async () => {
  const client = await connect();
  const store = createRedisStore({ client });
  store.start(settings);
  return { client, store };
};

let drafts = 0;
const createTask = async (store) => {
  const taskId = `00000000-0000-7000-8000-${String(++drafts).padStart(12, '0')}`;
  const resumeKey = String(drafts).padStart(22, 'k');
  const { writer } = await store.create({ taskId, resumeKey }, executor);
  return { taskId, writer };
};

/**
 * Events per second of each of two ways, ticks by turns, so that what else the machine does meets both: the median
 * tick counts, and every tick is committed before the next.
 */
const rates = async (ways, perTick) => {
  const times = ways.map(() => []);
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    for (const [index, way] of ways.entries()) {
      const before = performance.now();
      await way(perTick);
      times[index].push(performance.now() - before);
    }
  }
  return times.map((each) => (TASKS * perTick * 1000) / median(each));
};

async function throughput() {
  const { client, store } = await openStore();
  const raw = await connect();
  const tasks = [];
  for (let n = 0; n < TASKS; n++) tasks.push(await createTask(store));
  const stored = async (perTick) => {
    const commits = [];
    for (const { writer } of tasks) for (let n = 0; n < perTick; n++) commits.push(writer.append(undefined, json));
    await Promise.all(commits);
  };
  const xadd = async (perTick) => {
    const pipeline = raw.pipeline();
    for (let task = 0; task < TASKS; task++) {
      for (let n = 0; n < perTick; n++) pipeline.xadd(`raw:${task}`, 'MAXLEN', '~', 10_000, '*', 'd', json);
    }
    await pipeline.exec();
    await turn();
  };
  for (const perTick of [1, 10, 100]) {
    const [base, ours] = await rates([xadd, stored], perTick);
    const ratio = (ours / base).toFixed(2);
    const rounded = [ours, base].map((value) => Math.round(value));
    console.log(
      `append, ${TASKS} tasks, ${perTick} a tick: ${rounded[0]}/s, raw pipelined XADD ${rounded[1]}/s, ratio ${ratio}`,
    );
  }
  for (const { writer } of tasks) await writer.finish('completed', '{}');
  await store.stop();
  client.disconnect();
  raw.disconnect();
}

async function latency() {
  const [a, b] = [await openStore(), await openStore()];
  const { taskId, writer } = await createTask(a.store);
  const feed = await b.store.open(taskId);
  let woken;
  feed.log.follow({ wake: () => woken?.() });
  feed.join();
  const [publisher, subscriber] = [await connect(), await connect()];
  await subscriber.subscribe('raw');
  const ours = [];
  const base = [];
  for (let n = 1; n <= 1_000; n++) {
    let start = performance.now();
    const heard = once(subscriber, 'message');
    publisher.publish('raw', json);
    await heard;
    base.push(performance.now() - start);
    start = performance.now();
    const seen = new Promise((resolve) => (woken = () => feed.log.lastSeq >= n && resolve()));
    writer.append(undefined, json);
    await seen;
    ours.push(performance.now() - start);
  }
  for (const part of [0.5, 0.99]) {
    const [x, y] = [percentile(ours, part), percentile(base, part)];
    console.log(`latency to the other instance, p${part * 100}: ${x.toFixed(2)} ms, raw pub/sub ${y.toFixed(2)} ms`);
  }
  await writer.finish('completed', '{}');
  await Promise.all([a.store.stop(), b.store.stop()]);
  for (const client of [a.client, b.client, publisher, subscriber]) client.disconnect();
}

async function connections() {
  const probe = await connect();
  const count = async () => (await probe.client('LIST')).trim().split('\n').length - 1;
  const { client, store } = await openStore();
  for (const tasks of [1, 10_000]) {
    await createMany(store, tasks);
    console.log(`connections of one instance at ${tasks} tasks: ${await count()}`);
  }
  const memory = await probe.info('memory');
  console.log(`Redis memory with 10,000 empty tasks: ${/used_memory:(\d+)/.exec(memory)[1]} bytes`);
  client.disconnect();
  probe.disconnect();
}

let made = 0;
async function createMany(store, tasks) {
  while (made < tasks) {
    const some = Math.min(100, tasks - made);
    await Promise.all(Array.from({ length: some }, () => createTask(store)));
    made += some;
  }
}

try {
  await throughput();
  await latency();
  await connections();
} finally {
  server.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
process.exit();
