// Beside Vercel's resumable-stream, with the same events: followed on another instance, replayed there, and unattended.
import { createResumableStreamContext } from 'resumable-stream/generic';
import { JSON_TEXT, reached, turn, withRedis } from './stores.js';
import { askAgain } from '../ways/resumable-stream.js';

const FRAME = `data: ${JSON_TEXT}\n\n`;

/** What each of the two does; `instance` 0 produces and 1 reads. */
const ways = (bench) => ({
  ours: {
    open: () => Promise.all([bench.openStore(), bench.openStore()]),
    async produce([store]) {
      const { taskId, writer } = await bench.createTask(store);
      return {
        id: taskId,
        push: () => writer.append(undefined, JSON_TEXT),
        end: () => writer.finish('completed', '{}'),
      };
    },
    /** Resolves when the reader is attached, with the promise that it has everything. */
    async attach([, store], id, events) {
      const feed = await store.open(id);
      return { whole: reached(feed, events + 1) }; // and the terminal event
    },
  },
  'resumable-stream': {
    async open() {
      const context = async () => {
        const [publisher, subscriber] = [await bench.connect(), await bench.connect()];
        return createResumableStreamContext({ publisher, subscriber, waitUntil: () => undefined });
      };
      return [await context(), await context()];
    },
    async produce([context], id) {
      let controller;
      const start = (given) => void (controller = given);
      const stream = await context.createNewResumableStream(id, () => new ReadableStream({ start }));
      void drain(stream); // who started it reads it
      return { id, push: () => controller.enqueue(FRAME), end: () => controller.close() };
    },
    async attach([, context], id, events) {
      const stream = await askAgain(() => context.resumeExistingStream(id));
      const whole = drain(stream).then((bytes) => {
        if (bytes !== events * FRAME.length) throw new Error(`resumable-stream: ${bytes} of ${events * FRAME.length}`);
      });
      return { whole };
    },
  },
});

async function drain(stream) {
  let bytes = 0;
  for await (const text of stream) bytes += text.length;
  return bytes;
}

export async function run({ quick = false } = {}) {
  return withRedis(async (bench) => {
    const events = quick ? 100 : 5_000;
    const live = {};
    const replay = {};
    const unattended = {};
    const probe = await bench.connect();
    for (const [name, way] of Object.entries(ways(bench))) {
      const instances = await way.open();
      for (const samples of [live, replay, unattended]) samples[name] = [];
      const cpuPerEvent = async (act) => {
        const before = await bench.cpu(probe);
        await act();
        const after = await bench.cpu(probe);
        return (after.process - before.process + after.redis - before.redis) / events;
      };
      /** Ten events a tick. */
      const pushAll = async ({ push }) => {
        for (let n = 0; n < events; n += 10) {
          for (let i = 0; i < 10; i++) push();
          await turn();
        }
      };
      for (let round = 0; round < (quick ? 1 : 6); round++) {
        const followed = await way.produce(instances, `live ${round}`);
        const { whole } = await way.attach(instances, followed.id, events);
        const cost = await cpuPerEvent(async () => {
          await pushAll(followed);
          await followed.end();
          await whole;
        });
        const late = await way.produce(instances, `late ${round}`);
        const alone = await cpuPerEvent(() => pushAll(late));
        await late.push();
        const start = performance.now();
        const replayed = await way.attach(instances, late.id, events + 1);
        await late.end();
        await replayed.whole;
        if (round === 0 && !quick) continue; // warm now
        live[name].push(cost);
        unattended[name].push(alone);
        replay[name].push(performance.now() - start);
      }
    }
    const targets = [{ over: 'resumable-stream' }];
    const cpu = 'µs of CPU per event, both sides';
    return [
      { workload: 'one task followed on another instance, 10 events a tick', unit: cpu, samples: live, targets },
      { workload: 'one task that nobody else follows, 10 events a tick', unit: cpu, samples: unattended, targets },
      { workload: `${events} events read late on another instance`, unit: 'ms', samples: replay, targets },
    ];
  });
}
