// An instance dies with thousands of tasks: until two others have told the end of every one of them.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { systemClock } from '../../dist/esm/core/clock.js';
import { reached, withRedis } from './stores.js';

const LEASE_MS = 1_000;
/** So many of the tasks are followed on the survivors, spread over all of them. */
const FOLLOWED = 200;

export async function run({ quick = false } = {}) {
  const rows = [];
  for (const tasks of quick ? [1, 100] : [1, 10_000]) {
    for (const latencyMs of [0, 2]) rows.push(await measure(tasks, latencyMs));
  }
  return rows;
}

function measure(count, latencyMs) {
  return withRedis(async (bench) => {
    const far = latencyMs === 0 ? undefined : await delay(bench.port, latencyMs / 2);
    const clock = new MortalClock();
    const victim = await bench.openStore({ leaseMs: LEASE_MS, clock });
    const survivors = [];
    for (let n = 0; n < 2; n++) survivors.push(await bench.openStore({ leaseMs: LEASE_MS, port: far?.port }));
    const tasks = await bench.createTasks(victim, count);
    const step = Math.ceil(count / FOLLOWED);

    const followed = tasks.filter((_, n) => n % step === 0);
    const feeds = await Promise.all(followed.map(({ taskId }, n) => survivors[n % 2].open(taskId)));
    await new Promise((resolve) => setTimeout(resolve, LEASE_MS));
    clock.die();
    const start = performance.now();
    const told = Promise.all(feeds.map((feed) => reached(feed, 1)));
    const probe = await bench.connect();
    while ((await probe.zcard('rsse:list:failed')) < count) await new Promise((resolve) => setTimeout(resolve, 20));
    await told;
    const seconds = (performance.now() - start) / 1_000;
    far?.close();
    return {
      workload: `${count} tasks of a dead instance end on two others, lease 1 s, latency ${latencyMs} ms`,
      ...{ unit: 's', samples: { ours: [seconds] }, targets: [{ most: 3 }] },
    };
  });
}

/** The clock of an instance that can die: none of its timers fires any more. */
class MortalClock {
  #dead = false;
  now = systemClock.now;
  wallNow = systemClock.wallNow;
  after = (ms, fn) => systemClock.after(ms, () => void (this.#dead || fn()));
  every = (ms, fn) => systemClock.every(ms, () => void (this.#dead || fn()));

  die() {
    this.#dead = true;
  }
}

/** A way to a port on which every packet takes `ms`. */
async function delay(port, ms) {
  const sockets = new Set();
  const pass = (from, to) => {
    sockets.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.on('data', (bytes) => setTimeout(() => to.write(bytes), ms));
  };
  const server = createServer((near) => {
    const end = connect(port, '127.0.0.1');
    for (const socket of [near, end]) socket.setNoDelay(true);
    pass(near, end);
    pass(end, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
