// 1,000 tasks a second start, say something and end, on two instances, with a retention of a minute: do keys, indexes and
// memory of Redis level off? It takes ten minutes, and is therefore run only where it is named.
import { createRedisStore } from '../../dist/esm/redis/index.js';
import { createTaskManager } from '../../dist/esm/index.js';
import { median } from '../harness/figures.js';
import { withRedis } from './stores.js';

const RATE = 1_000;
const TTL_MS = 60_000;
const EVERY_MS = 30_000;
/** Tasks begin in steps of so many ms, as many as are due by then. */
const STEP_MS = 20;
/** More than these are not under way at once: a machine that is too slow is told by the rate, not by time-outs. */
const MOST_RUNNING = 1_000;
/** The last figures may be above the middle ones by so much. */
const MOST = 1.05;

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const minutes = quick ? 0.1 : 10;
    const probe = await bench.connect();
    const open = async () =>
      createTaskManager({ store: createRedisStore({ client: await bench.connect() }), ttlMs: TTL_MS });
    const instances = [await open(), await open()];
    const load = new Load(instances);
    const series = [];
    const start = performance.now();
    const left = () => start + minutes * 60_000 - performance.now();
    let nextLook = start + EVERY_MS;
    while (left() > 0) {
      await load.step((performance.now() - start) / 1_000);
      if (performance.now() < nextLook && left() > STEP_MS) continue;
      nextLook += EVERY_MS;
      const figures = { seconds: Math.round((performance.now() - start) / 1_000), ...(await look(probe)) };
      series.push({ ...figures, ended: load.ended, failed: load.failed });
      console.log(JSON.stringify(series.at(-1)));
    }
    const seconds = (performance.now() - start) / 1_000;
    await load.settled();
    await Promise.all(instances.map((each) => each.stop()));
    return rowsOf(series, load.ended / seconds);
  });
}

/** Starts the tasks that are due, of ten owners, and follows each to its end. */
class Load {
  ended = 0;
  failed = 0;
  #started = 0;
  #running = new Set();

  constructor(instances) {
    this.instances = instances;
  }

  async step(seconds) {
    const due = Math.floor(seconds * RATE);
    while (this.#started < due && this.#running.size < MOST_RUNNING) this.#start(this.#started++);
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }

  async settled() {
    await Promise.allSettled(this.#running);
  }

  #start(n) {
    const manager = this.instances[n % this.instances.length];
    const job = async ({ updateProgress }) => {
      await updateProgress({ step: 1, total: 1 });
      this.ended++;
      return { n };
    };
    const running = manager
      .start(job, { owner: `owner-${n % 10}`, ...(n % 10 === 0 && { idempotencyKey: `key-${n}` }) })
      .catch(() => this.failed++)
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

/** What Redis holds: keys, memory, and the size of every index. */
async function look(probe) {
  const memory = await probe.info('memory');
  const indexes = {};
  for (const pattern of ['rsse:{fleet}:*', 'rsse:list*', 'rsse:quota*']) {
    for (const key of await scan(probe, pattern)) {
      const kind = key
        .slice('rsse:'.length)
        .replace(/running:.*/, 'running')
        .replace(/list:[\w-]{22}/, 'list:owner');
      const count = { zset: 'zcard', hash: 'hlen' }[await probe.type(key)];
      const size = count === undefined ? 1 : await probe[count](key);
      indexes[kind] = (indexes[kind] ?? 0) + size;
    }
  }
  return { keys: await probe.dbsize(), bytes: Number(/used_memory:(\d+)/.exec(memory)[1]), indexes };
}

async function scan(probe, pattern) {
  const found = new Set();
  let cursor = '0';
  do {
    const [next, keys] = await probe.scan(cursor, 'MATCH', pattern, 'COUNT', 10_000);
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

/** The last third of the series beside the third before it. */
function rowsOf(series, rate) {
  const third = Math.max(1, Math.floor(series.length / 3));
  const growth = (figure) =>
    median(series.slice(-third).map(figure)) /
    median(
      series
        .slice(-2 * third)
        .slice(0, third)
        .map(figure),
    );
  const row = (workload, unit, value, targets) => ({ workload, unit, samples: { ours: [value] }, targets });
  const indexed = ({ indexes }) => Object.values(indexes).reduce((sum, size) => sum + size, 0);
  return [
    row('tasks that ended', 'a second', rate, [{ least: 0.99 * RATE }]),
    row(
      'keys at the end',
      'times those in the middle',
      growth(({ keys }) => keys),
      [{ most: MOST }],
    ),
    row('index entries at the end', 'times those in the middle', growth(indexed), [{ most: MOST }]),
    row(
      'memory of Redis at the end',
      'times that in the middle',
      growth(({ bytes }) => bytes),
      [{ most: MOST }],
    ),
  ];
}
