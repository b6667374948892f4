// What tasks and events take in Redis, and how many connections an instance takes for them.
import { JSON_TEXT, withRedis } from './stores.js';

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const tasks = quick ? 100 : 10_000;
    const events = quick ? 10 : 1_000;
    const probe = await bench.connect();
    const used = async () => Number(/used_memory:(\d+)/.exec(await probe.info('memory'))[1]);
    const connections = async () => (await probe.client('LIST')).trim().split('\n').length - 1;
    const row = (workload, unit, value, targets = []) => ({ workload, unit, samples: { ours: [value] }, targets });

    const store = await bench.openStore();
    const [one] = await bench.createTasks(store, 1);
    await store.open(one.taskId);
    const atOne = await connections();
    const empty = await used();
    await bench.createTasks(store, tasks);
    const rows = [
      row('connections of an instance, 1 task', '', atOne, [{ most: 3 }]),
      row(`connections of an instance, ${tasks} tasks`, '', await connections(), [{ most: 3 }]),
      row('a task without events in Redis', 'bytes', ((await used()) - empty) / tasks),
    ];
    const jsonBytes = Buffer.byteLength(JSON_TEXT);
    for (const perTick of [1, 10, 100]) {
      const some = await bench.createTasks(store, 20);
      const before = await used();
      for (let n = 0; n < events; n += perTick) {
        const commits = some.flatMap(({ writer }) =>
          Array.from({ length: perTick }, () => writer.append(undefined, JSON_TEXT)),
        );
        await Promise.all(commits);
      }
      const each = ((await used()) - before) / (20 * events) - jsonBytes;
      rows.push(row(`an event in Redis over its ${jsonBytes} bytes of JSON, ${perTick} a tick`, 'bytes', each));
    }
    return rows;
  });
}
