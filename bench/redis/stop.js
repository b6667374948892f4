// A task is stopped on another instance than the one that runs it: until its job's signal aborts.
import { once } from 'node:events';
import { createTaskManager } from '../../dist/esm/index.js';
import { createRedisStore } from '../../dist/esm/redis/index.js';
import { quantile } from '../harness/figures.js';
import { withRedis } from './stores.js';

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const open = async () =>
      createTaskManager({ store: createRedisStore({ client: await bench.connect() }), maxRunningTasks: 1_000 });
    const [runs, stops] = [await open(), await open()];
    const times = [];
    for (let n = 0; n < (quick ? 20 : 200); n++) {
      let aborted;
      const { taskId } = await runs.start(({ signal }) => (aborted = once(signal, 'abort')));
      const start = performance.now();
      await stops.cancelTask(taskId);
      await aborted;
      times.push(performance.now() - start);
    }
    await Promise.all([runs.stop(), stops.stop()]);
    const row = (part, quantileOf, targets) => ({
      workload: `stop on another instance, ${part}`,
      ...{ unit: 'ms until the signal aborts', samples: { ours: [quantile(times, quantileOf)] }, targets },
    });
    return [row('p50', 0.5, []), row('p99', 0.99, [{ most: 100 }])];
  });
}
