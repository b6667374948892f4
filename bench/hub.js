// npm run bench:hub: 10,000 clients of a hub. What a held one takes over bare Express, how late a broadcast comes beside
// plain writes to every response, what 100 that never read cost the others, what a direct message costs with 2,000 and
// with 10,000 there, and how long all of them take to come back. Server and load are separate processes.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHub } from '../dist/esm/index.js';
import { Actor } from './harness/actor.js';
import { Histogram, cpuMicros, integer, median, mib, nowMicros, report, settledMemory } from './harness/figures.js';
import { listen } from './harness/manager.js';
import { openReaders, request } from './harness/reader.js';

const CLIENTS = Number(process.env.BENCH_CONNECTIONS ?? 10_000);
const BROADCASTS = 20;
const ROUNDS = 5;
const KEY = 'A'.repeat(22);

// The server's process.
let hub;
let responses;
let seq = 0;

export async function serve(way) {
  const { default: express } = await import('express');
  const app = express();
  if (way === 'hub') {
    hub = createHub({ maxClients: 2 * CLIENTS, maxAbsentClients: 2 * CLIENTS });
    app.get('/stream', (req, res) => void hub.connect(req, res));
    return listen(createServer(app));
  }
  responses = new Set();
  const handle = (_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    res.write(`event: task\ndata: {}\nid: ${KEY}.${seq}\n\n`);
    responses.add(res);
    res.on('close', () => responses.delete(res));
  };
  return listen(createServer(way === 'raw' ? handle : app.get('/stream', handle)));
}

export async function broadcasts(count, gapMs) {
  for (let i = 0; i < count; i++) {
    if (hub !== undefined) hub.broadcast({ data: { t: nowMicros(), text: 'Something has happened' } });
    else {
      const json = JSON.stringify({ t: nowMicros(), text: 'Something has happened' });
      const frame = Buffer.from(`data: ${json}\nid: ${KEY}.${++seq}\n\n`);
      for (const res of responses) res.write(frame);
    }
    await sleep(gapMs);
  }
}

/** CPU per direct message to random ones of the clients, 5,000 a second for `seconds`. */
export async function direct(ids, seconds) {
  const before = cpuMicros();
  let sent = 0;
  for (let slot = 0; slot < seconds * 100; slot++) {
    for (let i = 0; i < 50; i++, sent++) {
      hub.send(ids[Math.floor(Math.random() * ids.length)], { data: { n: sent, text: 'For you alone' } });
    }
    await sleep(10);
  }
  return (cpuMicros() - before) / sent;
}

export const statistics = () => hub.getStatistics();
export const memory = settledMemory;
export const activeAre = async (count) => {
  while (hub.getActiveClientCount() !== count) await sleep(5);
};

// The load's process.
const latencies = new Histogram();
let readers = [];

/** `connected` is to the reader what the `task` frame is: where it begins. */
export async function attach(port, count) {
  latencies.clear();
  const onTime = (t) => latencies.add(nowMicros() - t);
  readers.push(...(await openReaders(count, { port, onTime }, 100)));
}

export const idsOf = () => readers.map(({ head }) => /x-client-id: (\S+)/i.exec(head)[1]);

export function attachNever(port, count) {
  Array.from({ length: count }, () => request({ port }).pause());
}

/** p50 and p99 in ms, once every reader has had `count` events. */
export async function received(count) {
  while (readers.some(({ events }) => events < count)) await sleep(5);
  const figures = [latencies.quantile(0.5), latencies.quantile(0.99)];
  latencies.clear();
  for (const reader of readers) reader.events = 0;
  return figures;
}

/** Cuts all, lets `missed` happen, brings all back at once; ms until the last has what it missed. */
export const cutAll = () => {
  for (const { socket } of readers) socket.destroy();
  readers = readers.map(({ head, lastSeq }) => ({ head, lastSeq }));
};

export async function comeBack(port, epoch, missed) {
  const { Reader } = await import('./harness/reader.js');
  const began = performance.now();
  const returning = readers.map(({ head, lastSeq }) => {
    const path = `/stream?client_id=${/x-client-id: (\S+)/i.exec(head)[1]}&last_event_id=${epoch}.${lastSeq}`;
    const reader = new Reader({ port, path });
    reader.expected = lastSeq + missed;
    return reader;
  });
  await Promise.all(returning.map((reader) => reader.reached(reader.expected)));
  const wrong = returning.filter(({ events, gaps }) => events !== missed || gaps.length > 0).length;
  return { ms: performance.now() - began, wrong };
}

async function pair(way) {
  const server = await Actor.spawn(import.meta.url, { core: 0 });
  const port = await server.call('serve', way);
  const load = await Actor.spawn(import.meta.url, { core: 1 });
  await load.call('attach', port, 100); // what is made once
  const before = await server.call('memory');
  await load.call('attach', port, CLIENTS - 100);
  const after = await server.call('memory');
  const held = (after.used - before.used) / (CLIENTS - 100);
  return { server, load, port, held, close: () => Promise.all([load.exit(), server.exit()]) };
}

async function latency({ server, load }) {
  const [figures] = await Promise.all([
    load.call('received', BROADCASTS),
    server.call('broadcasts', BROADCASTS, CLIENTS / 40),
  ]);
  return figures;
}

const row = (workload, target, figure, ok) => ({ workload, target, figure, ok });

export async function run() {
  const rows = [];
  const ways = {};
  for (const way of ['raw', 'express', 'hub']) ways[way] = await pair(way);
  const over = ways.hub.held - ways.express.held;
  const each = `${integer(ways.hub.held)} : ${integer(ways.express.held)} B`;
  rows.push(
    row(
      `${integer(CLIENTS)} clients, memory over bare Express`,
      '≤ + 1,536 B',
      `+ ${integer(over)} B (${each})`,
      over <= 1_536,
    ),
  );

  const rounds = [];
  for (let round = -1; round < ROUNDS; round++) {
    const figures = {};
    for (const [way, actors] of Object.entries(ways)) figures[way] = await latency(actors);
    if (round >= 0) rounds.push(figures);
  }
  for (const [q, name] of ['p50', 'p99'].entries()) {
    for (const peer of ['raw', 'express']) {
      const ratio = median(rounds.map((figures) => figures.hub[q] / figures[peer][q]));
      const ms = (way) => median(rounds.map((figures) => figures[way][q])).toFixed(1);
      rows.push(
        row(
          `broadcast, ${name} over ${peer}`,
          peer === 'raw' ? '≤ 1.1 ×' : '',
          `${ratio.toFixed(2)} × (${ms('hub')} : ${ms(peer)} ms)`,
          peer !== 'raw' || ratio <= 1.1,
        ),
      );
    }
  }
  await ways.raw.close();
  await ways.express.close();

  const { server, load, port } = ways.hub;
  const before = await server.call('memory');
  const calm = median(rounds.map((figures) => figures.hub[1]));
  await load.call('attachNever', port, 100);
  await server.call('activeAre', CLIENTS + 100);
  const stalled = [];
  for (let round = 0; round < ROUNDS; round++) stalled.push((await latency(ways.hub))[1]);
  const after = await server.call('memory');
  rows.push(
    row(
      'the same with 100 that never read, p99',
      '≤ 1.1 ×',
      `${(median(stalled) / calm).toFixed(2)} ×`,
      median(stalled) <= 1.1 * calm,
    ),
  );
  rows.push(row('their memory', 'flat', `${mib(after.used - before.used)}`, after.used - before.used < 4 * 2 ** 20));

  const ids = await load.call('idsOf');
  const few = [];
  const many = [];
  for (let round = 0; round < 3; round++) {
    many.push(await server.call('direct', ids, 2));
  }
  await ways.hub.close();
  const small = await Actor.spawn(import.meta.url, { core: 0 });
  const smallPort = await small.call('serve', 'hub');
  const smallLoad = await Actor.spawn(import.meta.url, { core: 1 });
  await smallLoad.call('attach', smallPort, CLIENTS / 5);
  const smallIds = await smallLoad.call('idsOf');
  for (let round = 0; round < 3; round++) few.push(await small.call('direct', smallIds, 2));
  const ratio = median(many) / median(few);
  rows.push(
    row(
      `direct message, CPU with ${integer(CLIENTS)} over ${integer(CLIENTS / 5)}`,
      '≤ 1.3 ×',
      `${ratio.toFixed(2)} × (${median(many).toFixed(1)} : ${median(few).toFixed(1)} µs)`,
      ratio <= 1.3,
    ),
  );
  await Promise.all([smallLoad.exit(), small.exit()]);

  rows.push(await returning());
  return rows;
}

async function returning() {
  const { server, load, port, close } = await pair('hub');
  const epoch = await server.call('epochOf', port);
  await Promise.all([load.call('received', 3), server.call('broadcasts', 3, 500)]);
  await load.call('cutAll');
  await server.call('activeAre', 0);
  await server.call('broadcasts', 5, 1);
  const { ms, wrong } = await load.call('comeBack', port, epoch, 5);
  await close();
  return row(
    `${integer(CLIENTS)} come back at once, each with what it missed`,
    '≤ 10 s, 0 wrong',
    `${(ms / 1_000).toFixed(1)} s, ${wrong} wrong`,
    ms <= 10_000 && wrong === 0,
  );
}

/** The epoch stands in every id; the first frame has one. */
export async function epochOf(port) {
  const active = hub.getActiveClientCount();
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/stream`, { signal: controller.signal });
  const { value } = await response.body.getReader().read();
  const [, epoch] = /^id: ([\w-]{22})\./m.exec(Buffer.from(value).toString());
  controller.abort();
  await activeAre(active);
  return epoch;
}

if (process.argv[1] === import.meta.filename) {
  report(await run());
  process.exit();
}
