// 100 tasks append 1, 10 and 100 events a tick: through the store, and as one pipelined XADD per event by the same client.
import { JSON_TEXT, turn, withRedis } from './stores.js';
import { median } from '../harness/figures.js';

const TASKS = 100;
const MAX_EVENTS = 10_000;
/** Events a tick, and what ours must reach of the raw rate. */
const TICKS = [
  [1, 1],
  [10, 4.2],
  [100, 7.5],
];

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const store = await bench.openStore();
    const raw = await bench.connect();
    const tasks = await bench.createTasks(store, TASKS);
    const ways = {
      ours: async (events) => {
        const commits = [];
        for (const { writer } of tasks)
          for (let n = 0; n < events; n++) commits.push(writer.append(undefined, JSON_TEXT));
        await Promise.all(commits);
      },
      raw: async (events) => {
        const pipeline = raw.pipeline();
        for (let task = 0; task < TASKS; task++) {
          const key = `raw:${task}`;
          for (let n = 0; n < events; n++) pipeline.xadd(key, 'MAXLEN', '~', MAX_EVENTS, '*', 'd', JSON_TEXT);
        }
        await pipeline.exec();
        await turn();
      },
    };
    const rows = [];
    for (const [events, least] of TICKS) {
      const { rates, cpus } = await measure(bench, raw, ways, events, quick);
      const workload = `append, ${TASKS} tasks, ${events} a tick`;
      rows.push({ workload, unit: 'events/s', samples: rates, targets: [{ over: 'raw', least }] });
      rows.push({ workload, unit: 'µs of CPU per event, both sides', samples: cpus, targets: [{ over: 'raw' }] });
    }
    for (const { writer } of tasks) await writer.finish('completed', '{}');
    return rows;
  });
}

/** By turns, so that what else the machine does meets both; the median tick counts, each is committed before the next. */
async function measure(bench, client, ways, events, quick) {
  const names = Object.keys(ways);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  const cpus = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < (quick ? 1 : 6); round++) {
    for (const name of names) {
      const ticks = [];
      const before = await bench.cpu(client);
      const end = performance.now() + (quick ? 50 : 500);
      while (performance.now() < end) {
        const start = performance.now();
        await ways[name](events);
        ticks.push(performance.now() - start);
      }
      const after = await bench.cpu(client);
      if (round === 0 && !quick) continue; // warm now
      rates[name].push((TASKS * events * 1_000) / median(ticks));
      const used = after.process - before.process + after.redis - before.redis;
      cpus[name].push(used / (ticks.length * TASKS * events));
    }
  }
  return { rates, cpus };
}
