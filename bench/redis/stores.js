// A Redis of its own, clients, stores as managers make them, and the CPU that both sides have used.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis5';
import { createRedisStore } from '../../dist/esm/redis/index.js';
import { systemClock } from '../../dist/esm/core/clock.js';
import { encodeTaskEvent } from '../../dist/esm/sse/frame.js';
import { cpuMicros } from '../harness/figures.js';
import { freePort } from '../harness/free-port.js';

/** One event as jobs send them: 91 bytes of JSON. */
export const JSON_TEXT = JSON.stringify({ step: 1, total: 10, text: 'x'.repeat(60) });

export const turn = () => new Promise((resolve) => setImmediate(resolve));

const executor = { cancelRequested() {}, audienceChanged() {}, fenced() {}, snapshotJson: () => undefined };
const settings = {
  ...{ clock: systemClock, encode: encodeTaskEvent, onLost: 'fail' },
  ...{ ttlMs: 60_000, timeoutMs: 10_000, maxBufferedBytes: 2 ** 30, maxTasksPerOwner: Infinity },
  log: { maxEvents: 10_000, maxBytes: 8 * 2 ** 20 },
  ...{ appendPatienceMs: 30_000, maxAttempts: 3, orphanDeadlineMs: 600_000 },
  orphanRunner: { handlers: [], room: 0, run: () => Promise.resolve() },
};

/** Calls `use` with a bench, and takes everything down after it. */
export async function withRedis(use) {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', directory];
  const server = spawn('redis-server', options.map(String), { stdio: 'ignore' });
  const bench = new Bench(port);
  try {
    await once(server, 'spawn');
    return await use(bench);
  } finally {
    await bench.close();
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

class Bench {
  #clients = [];
  #stores = [];
  #drafts = 0;

  constructor(port) {
    this.port = port;
  }

  async connect(port = this.port) {
    const client = new Redis(port, { retryStrategy: () => 50 });
    this.#clients.push(client);
    client.on('error', () => undefined);
    await new Promise((resolve) => client.once('ready', resolve));
    return client;
  }

  async openStore({ leaseMs, clock = systemClock, port } = {}) {
    const options = leaseMs === undefined ? {} : { leaseMs };
    const store = createRedisStore({ client: await this.connect(port), ...options })({ ...settings, clock });
    this.#stores.push(store);
    return store;
  }

  async createTask(store) {
    const n = String(++this.#drafts);
    const taskId = `00000000-0000-7000-8000-${n.padStart(12, '0')}`;
    const { writer } = await store.create({ taskId, resumeKey: n.padStart(22, 'k') });
    writer.begin(executor);
    return { taskId, writer };
  }

  async createTasks(store, count) {
    const tasks = [];
    while (tasks.length < count) {
      const some = Array.from({ length: Math.min(200, count - tasks.length) }, () => this.createTask(store));
      tasks.push(...(await Promise.all(some)));
    }
    return tasks;
  }

  /** CPU time of this process and of Redis, in µs. */
  async cpu(client) {
    const [, user] = /used_cpu_user:([\d.]+)/.exec(await client.info('cpu')) ?? [];
    const [, system] = /used_cpu_sys:([\d.]+)/.exec(await client.info('cpu')) ?? [];
    return { process: cpuMicros(), redis: (Number(user) + Number(system)) * 1e6 };
  }

  async close() {
    for (const store of this.#stores) await store.stop();
    for (const client of this.#clients) client.disconnect();
  }
}

/** Resolves when `feed` has the event `seq`. */
export function reached(feed, seq) {
  return new Promise((resolve) => {
    const follower = {
      wake() {
        if (feed.log.lastSeq < seq) return;
        feed.log.unfollow(follower);
        resolve();
      },
    };
    feed.log.follow(follower);
    follower.wake();
  });
}
