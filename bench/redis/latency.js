// From append on one instance to the subscribers of another, beside plain pub/sub between two clients.
import { once } from 'node:events';
import { JSON_TEXT, reached, withRedis } from './stores.js';
import { quantile } from '../harness/figures.js';

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const [a, b] = [await bench.openStore(), await bench.openStore()];
    const { taskId, writer } = await bench.createTask(a);
    const feed = await b.open(taskId);
    feed.join();
    const [publisher, subscriber] = [await bench.connect(), await bench.connect()];
    await subscriber.subscribe('raw');
    const p50 = { ours: [], raw: [] };
    const p99 = { ours: [], raw: [] };
    let seq = 0;
    for (let round = 0; round < (quick ? 1 : 6); round++) {
      const times = { ours: [], raw: [] };
      for (let n = 0; n < (quick ? 20 : 500); n++) {
        let start = performance.now();
        const heard = once(subscriber, 'message');
        publisher.publish('raw', JSON_TEXT);
        await heard;
        times.raw.push(performance.now() - start);
        start = performance.now();
        const seen = reached(feed, ++seq);
        writer.append(undefined, JSON_TEXT);
        await seen;
        times.ours.push(performance.now() - start);
      }
      if (round === 0 && !quick) continue; // warm now
      for (const way of ['ours', 'raw']) {
        p50[way].push(quantile(times[way], 0.5));
        p99[way].push(quantile(times[way], 0.99));
      }
    }
    await writer.finish('completed', '{}');
    const row = (part, samples) => ({
      workload: `to a subscriber of another instance, ${part}`,
      ...{ unit: 'ms', samples, targets: [{ over: 'raw' }] },
    });
    return [row('p50', p50), row('p99', p99)];
  });
}
