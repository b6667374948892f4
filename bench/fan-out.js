// One event source, 1,000 subscribers: what a delivered event costs the server in CPU. In turn in the same run: plain
// http and bare Express 5, which write every event to every response from one shared Buffer, and ours behind Express.
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from './harness/actor.js';
import { cpuMicros, median, report } from './harness/figures.js';
import { createTaskManager, listen } from './harness/manager.js';
import { openReaders } from './harness/reader.js';

const SUBSCRIBERS = 1_000;
const GAP_MS = 30;
const ROUNDS = 7;
/** Events per tick, ticks per round, and what ours may cost over bare Express and over raw. */
const LOADS = [
  { perTick: 1, ticks: 40, express: 1, raw: 1.05 },
  { perTick: 20, ticks: 10, express: 0.25, raw: 0.5 },
];
const KEY = 'A'.repeat(22);

// The server's process.
let emit;
export const cpu = cpuMicros;

export async function serve(way) {
  let handle;
  if (way === 'ours') {
    const manager = createTaskManager({ maxSubscribersPerTask: 2 * SUBSCRIBERS });
    const job = (context) => new Promise(() => (emit = (data) => void context.updateProgress(data)));
    handle = manager.handler(job);
  } else {
    const responses = new Set();
    let seq = 0;
    handle = (_, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      res.flushHeaders();
      responses.add(res);
    };
    emit = (data) => {
      const frame = Buffer.from(`data: ${JSON.stringify(data)}\nid: ${KEY}.${++seq}\n\n`);
      for (const res of responses) res.write(frame);
    };
  }
  if (way === 'raw') return listen(createServer(handle));
  const { default: express } = await import('express');
  return listen(createServer(express().get('/stream', handle)));
}

export async function produce({ perTick, ticks }) {
  for (let tick = 0; tick < ticks; tick++) {
    for (let i = 0; i < perTick; i++) emit({ step: i, total: perTick, message: 'Row checked' });
    await sleep(GAP_MS);
  }
}

// The load's process.
const groups = new Map();

export async function attach(way, port) {
  groups.set(way, await openReaders(SUBSCRIBERS, { port, path: '/stream?idempotency_key=fan-out' }));
}

export async function reached(way, seq) {
  await Promise.all(groups.get(way).map((reader) => reader.reached(seq)));
  const wrong = groups.get(way).find(({ events }) => events !== seq);
  if (wrong !== undefined) throw new Error(`${way}: ${wrong.events} events instead of ${seq}`);
}

export async function run(ways = ['raw', 'express', 'ours']) {
  const load = await Actor.spawn(import.meta.url, { core: 1 });
  const servers = new Map();
  for (const way of ways) {
    const execArgv = process.env.BENCH_PROFILE
      ? ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}/${way}`]
      : [];
    const server = await Actor.spawn(import.meta.url, { core: 0, execArgv });
    await load.call('attach', way, await server.call('serve', way));
    servers.set(way, server);
  }
  const rows = [];
  let sent = 0;
  for (const { perTick, ticks, ...targets } of LOADS) {
    const rounds = [];
    for (let round = -1; round < ROUNDS; round++) {
      const spent = {};
      for (const [way, server] of servers) {
        const before = await server.call('cpu');
        await Promise.all([
          server.call('produce', { perTick, ticks }),
          load.call('reached', way, sent + perTick * ticks),
        ]);
        spent[way] = ((await server.call('cpu')) - before) / (perTick * ticks * SUBSCRIBERS);
      }
      sent += perTick * ticks;
      if (round >= 0) rounds.push(spent);
    }
    for (const peer of ['express', 'raw']) {
      const ratio = median(rounds.map((spent) => spent.ours / spent[peer]));
      const micros = (way) => median(rounds.map((spent) => spent[way])).toFixed(2);
      rows.push({
        workload: `fan-out to ${SUBSCRIBERS}, ${perTick} a tick, CPU over ${peer}`,
        target: `≤ ${targets[peer]} ×`,
        figure: `${ratio.toFixed(2)} × (${micros('ours')} : ${micros(peer)} µs)`,
        ok: ratio <= targets[peer],
      });
    }
  }
  await Promise.all([load, ...servers.values()].map((actor) => actor.exit()));
  return rows;
}

if (process.argv[1] === import.meta.filename) {
  report(await run());
}
