// One turn of the sweeper over very many tasks none of which is due: running ones with nobody attached, and ended ones
// that are still kept.
import { Actor } from '../harness/actor.js';
import { integer } from '../harness/figures.js';
import { createTaskManager } from '../harness/manager.js';
import { judge } from '../harness/rows.js';

const TURNS = 101;
const TARGET_MS = 1;
const REQUEST = { method: 'POST', url: '/', headers: {} };

/** A clock that stands still and hands out its one interval: the sweeper's. */
function stoppedClock() {
  const clock = {
    now: () => 0,
    wallNow: () => 1.7e12,
    after: () => () => {},
    every(_, fn) {
      clock.sweep = fn;
      return () => {};
    },
  };
  return clock;
}

export async function measure(kind, tasks) {
  const clock = stoppedClock();
  const manager = createTaskManager({
    clock,
    maxRunningTasks: tasks,
    maxBufferedBytes: 2 ** 30,
    maxBytesPerTask: 4_096,
  });
  const job = kind === 'running' ? () => new Promise(() => {}) : () => undefined;
  for (let i = 0; i < tasks; i++) {
    await manager.startTask(REQUEST, job);
    if (i % 1_000 === 0) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  const { [kind]: there } = manager.getStatistics();
  if (there !== tasks) throw new Error(`${there} of ${tasks} tasks are ${kind}`);
  const spent = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const before = performance.now();
    clock.sweep(); // works in the same turn of the event loop: the store is this process's memory
    spent.push(performance.now() - before);
    await new Promise(setImmediate);
  }
  return spent;
}

export async function run({ quick }) {
  const tasks = quick ? 5_000 : 100_000;
  const rows = [];
  for (const kind of ['running', 'finished']) {
    const actor = await Actor.spawn(import.meta.url, 'server');
    const ours = await actor.call('measure', kind, tasks);
    await actor.exit();
    const workload = `sweep of ${integer(tasks)} ${kind} tasks, none expired`;
    rows.push(judge({ workload, unit: 'ms', samples: { ours }, targets: [{ most: TARGET_MS }] }));
  }
  return rows;
}
