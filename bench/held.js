// 10,000 connections that are held and get nothing: what each takes of the server's memory. A new server process for
// every way, and one that holds none of them as the zero.
import { createServer } from 'node:http';
import { Actor } from './harness/actor.js';
import { integer, report, settledMemory } from './harness/figures.js';
import { createTaskManager, listen } from './harness/manager.js';
import { openReaders, request } from './harness/reader.js';

const CONNECTIONS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const TARGET = 1_536;

// The server's process.
export async function serve(way) {
  let handle = (_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.write(': hello\n\n');
  };
  if (way === 'ours') {
    const manager = createTaskManager({ maxSubscribersPerTask: 2 * CONNECTIONS });
    handle = manager.handler(() => new Promise(() => {}));
  }
  if (way === 'raw') return listen(createServer(handle));
  const { default: express } = await import('express');
  return listen(createServer(express().get('/stream', handle)));
}

export const memory = settledMemory;

export async function snapshot(file) {
  const { writeHeapSnapshot } = await import('node:v8');
  writeHeapSnapshot(file);
}

// The load's process.
const sockets = [];

/** The first few are read, to see that it is a stream; the others just stay. */
export async function hold(port, count) {
  const options = { port, path: '/stream?idempotency_key=held' };
  await openReaders(20, options);
  while (sockets.length < count - 20) {
    const batch = Array.from({ length: Math.min(100, count - 20 - sockets.length) }, () => request(options));
    sockets.push(...batch);
    await Promise.all(
      batch.map((socket) => new Promise((resolve) => socket.once('data', () => resolve(socket.pause())))),
    );
  }
}

export async function run(ways = ['raw', 'express', 'ours']) {
  const held = {};
  for (const way of ways) {
    const server = await Actor.spawn(import.meta.url, { core: 0 });
    const port = await server.call('serve', way);
    const warm = await Actor.spawn(import.meta.url, { core: 1 });
    await warm.call('hold', port, 200);
    await warm.exit();
    const before = await server.call('memory');
    const load = await Actor.spawn(import.meta.url, { core: 1 });
    await load.call('hold', port, CONNECTIONS);
    const after = await server.call('memory');
    held[way] = { rss: (after.rss - before.rss) / CONNECTIONS, used: (after.used - before.used) / CONNECTIONS };
    if (process.env.BENCH_SNAPSHOT) await server.call('snapshot', `${process.env.BENCH_SNAPSHOT}-${way}.heapsnapshot`);
    await load.exit();
    await server.exit();
  }
  const over = held.ours.used - held.express.used;
  return [
    ...ways.map((way) => ({
      workload: `${integer(CONNECTIONS)} held connections, ${way}`,
      target: '',
      figure: `${integer(held[way].used)} B heap and Buffers, ${integer(held[way].rss)} B RSS each`,
      ok: true,
    })),
    {
      workload: `${integer(CONNECTIONS)} held connections, ours over Express`,
      target: `≤ + ${integer(TARGET)} B each`,
      figure: `+ ${integer(over)} B heap and Buffers, + ${integer(held.ours.rss - held.express.rss)} B RSS`,
      ok: over <= TARGET,
    },
  ];
}

if (process.argv[1] === import.meta.filename) report(await run());
