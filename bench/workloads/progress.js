// updateProgress with nobody attached, against JSON.stringify alone on the same objects. CPU time, not wall time: the
// machine may be busy with other things.
import { Actor } from '../harness/actor.js';
import { cpuMicros } from '../harness/figures.js';
import { createTaskManager, runDetached } from '../harness/manager.js';
import { judge } from '../harness/rows.js';

const EVENTS = 40_000;
const TARGET = 2.5;

/** What a job says of itself: 70 bytes of JSON. */
const payloads = Array.from({ length: 1_000 }, (_, i) => ({
  step: i + 1,
  total: 1_000,
  percent: (i + 1) / 10,
  message: `Row ${i * 37} of 37000 checked`,
}));

/** Keeps the engine from leaving out what nobody looks at. */
let sink = 0;

const ways = {
  stringify() {
    for (let i = 0; i < EVENTS; i++) sink += JSON.stringify(payloads[i % 1_000]).length;
  },
  forgotten({ updateProgress }) {
    for (let i = 0; i < EVENTS; i++) void updateProgress(payloads[i % 1_000]);
  },
  async awaited({ updateProgress }) {
    for (let i = 0; i < EVENTS; i++) await updateProgress(payloads[i % 1_000]);
  },
};

async function cost(way, context) {
  const before = cpuMicros();
  await way(context);
  const spent = cpuMicros() - before;
  await new Promise(setImmediate);
  return spent;
}

/** In the measuring process: what each way cost in every round but the first three, which warm up. */
export async function measure(rounds) {
  const manager = createTaskManager();
  const figures = await runDetached(manager, async (context) => {
    const measured = [];
    for (let round = -3; round < rounds; round++) {
      const alone = await cost(ways.stringify, context);
      const forgotten = await cost(ways.forgotten, context);
      const awaited = await cost(ways.awaited, context);
      if (round >= 0) measured.push({ alone, forgotten, awaited });
    }
    return measured;
  });
  await manager.stop();
  return { figures, sink };
}

export async function run({ quick }) {
  const actor = await Actor.spawn(import.meta.url, 'server');
  const { figures } = await actor.call('measure', quick ? 1 : 21);
  await actor.exit();
  const nanos = (way) => figures.map((round) => (round[way] / EVENTS) * 1_000);
  return ['forgotten', 'awaited'].map((way) =>
    judge({
      workload: `updateProgress, nobody attached, ${way === 'awaited' ? 'awaited' : 'not awaited'}; raw: JSON.stringify`,
      unit: 'ns CPU each',
      samples: { ours: nanos(way), raw: nanos('alone') },
      targets: [{ over: 'raw', most: TARGET }],
    }),
  );
}
