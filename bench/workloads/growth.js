// Twice the subscribers, tasks or events shall cost at most twice the CPU. Every size is measured in every round; what a
// step costs is the median over the rounds.
import { Actor } from '../harness/actor.js';
import { Audience } from '../harness/audience.js';
import { cpuMicros, integer, median } from '../harness/figures.js';
import { createTaskManager } from '../harness/manager.js';
import { judge } from '../harness/rows.js';

const MAX_DOUBLING = 2.1;
const REQUEST = { method: 'POST', url: '/', headers: {} };
/** A client is never so many events behind that its log forgets them. */
const BATCH = 5_000;
/** Until the code is compiled, 10,000 events cost twice what they cost later. */
const WARM_UP_BATCHES = 40;

/** CPU in µs of one event to more and more clients. */
async function subscribers(sizes, way, ticks) {
  const audience = await Audience.open(way, 0);
  const spent = [];
  for (const size of sizes) {
    await audience.attach(size - audience.count);
    await audience.deliver(2, 'produce', { perTick: 1, ticks: 2, gapMs: 5 });
    spent.push(size * (await audience.deliver(ticks, 'produce', { perTick: 1, ticks, gapMs: 5 })));
  }
  await audience.close();
  return spent;
}

/** In a process of its own: CPU in µs of that many tasks at once, each of which is started, sends ten events, and ends. */
export async function costOfTasks(count) {
  const manager = createTaskManager({ maxRunningTasks: count, maxBufferedBytes: 2 ** 31, maxBytesPerTask: 4_096 });
  const before = cpuMicros();
  const running = [];
  const job = ({ updateProgress }) => new Promise((end) => running.push({ updateProgress, end }));
  for (let i = 0; i < count; i++) {
    await manager.startTask(REQUEST, job);
    if (i % 1_000 === 0) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  for (let step = 1; step <= 10; step++) for (const { updateProgress } of running) void updateProgress({ step });
  for (const { end } of running) end();
  while (manager.getStatistics().completed < count) await new Promise(setImmediate);
  return cpuMicros() - before;
}

async function tasks(sizes) {
  const spent = [];
  for (const size of sizes) {
    const actor = await Actor.spawn(import.meta.url, 'server');
    await actor.call('costOfTasks', 2_000); // compiles the code
    spent.push(await actor.call('costOfTasks', size));
    await actor.exit();
  }
  return spent;
}

/** CPU in µs of that many events to one client. */
async function events(sizes) {
  const audience = await Audience.open('ours', 1);
  const perTick = 100;
  for (let i = 0; i < WARM_UP_BATCHES; i++) {
    await audience.deliver(BATCH, 'produce', { perTick, ticks: BATCH / perTick, gapMs: 0 });
  }
  const spent = [];
  for (const size of sizes) {
    let micros = 0;
    for (let left = size; left > 0; left -= BATCH) {
      const batch = Math.min(BATCH, left);
      const together = Math.min(perTick, batch);
      const options = { perTick: together, ticks: batch / together, gapMs: 0 };
      micros += batch * (await audience.deliver(batch, 'produce', options));
    }
    spent.push(micros);
  }
  await audience.close();
  return spent;
}

/** How much more `spent[to]` is than `spent[from]` for each doubling between their sizes. */
const perDoubling = (sizes, spent, from, to) => (spent[to] / spent[from]) ** (1 / Math.log2(sizes[to] / sizes[from]));

/** What twice as much costs: from the smallest size to the largest, one figure a round, and at the worst step. */
function doublings(sizes, rounds) {
  const steps = sizes.slice(1).map((_, i) => median(rounds.map((spent) => perDoubling(sizes, spent, i, i + 1))));
  return {
    average: rounds.map((spent) => perDoubling(sizes, spent, 0, sizes.length - 1)),
    worst: [Math.max(...steps)],
  };
}

export async function run({ quick }) {
  const powers = (base, first, count) => Array.from({ length: count }, (_, i) => first * base ** i);
  const kinds = {
    subscribers: quick ? [50, 100] : powers(2, 1_000, 4),
    tasks: quick ? [500, 1_000] : powers(2, 1_000, 8),
    events: quick ? [1, 10, 100] : powers(10, 1, 7),
  };
  const curves = [
    { kind: 'subscribers', way: 'ours', measure: (sizes) => subscribers(sizes, 'ours', quick ? 5 : 10) },
    { kind: 'subscribers', way: 'raw', measure: (sizes) => subscribers(sizes, 'raw', quick ? 5 : 10) },
    { kind: 'tasks', way: 'ours', measure: tasks },
    { kind: 'events', way: 'ours', measure: events },
  ];
  for (const curve of curves) curve.rounds = [];
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    for (const { kind, measure, rounds } of curves) rounds.push(await measure(kinds[kind]));
  }
  return Object.entries(kinds).flatMap(([kind, sizes]) => {
    const ways = curves.filter((curve) => curve.kind === kind);
    const costs = Object.fromEntries(ways.map(({ way, rounds }) => [way, doublings(sizes, rounds)]));
    const row = (which, unit) => {
      const samples = Object.fromEntries(ways.map(({ way }) => [way, costs[way][which]]));
      const workload = `twice the ${kind}, ${integer(sizes[0])} to ${integer(sizes.at(-1))}`;
      return judge({ workload, unit, samples, targets: [{ most: MAX_DOUBLING }] });
    };
    const points = ({ rounds }) => sizes.map((size, i) => [size, median(rounds.map((spent) => spent[i]))]);
    const plotted = { kind, ...Object.fromEntries(ways.map((curve) => [curve.way, points(curve)])) };
    return [{ ...row('average', '× CPU'), points: plotted }, row('worst', '× CPU, worst step')];
  });
}
