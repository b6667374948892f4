// One task, 1,000 clients: what an event that is framed for the AI SDK costs beside one on the default wire.
import { closeAll, inTurn, openAudiences } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const WAYS = ['ui-message-stream', 'ours'];
const LOADS = [
  { perTick: 1, ticks: 30 },
  { perTick: 20, ticks: 5 },
];

export async function run({ quick }) {
  const clients = quick ? 100 : 1_000;
  const audiences = await openAudiences(WAYS, clients);
  const rows = [];
  for (const { perTick, ticks } of LOADS) {
    const work = { perTick, ticks: quick ? 2 : ticks, gapMs: 30 };
    const taken = await inTurn(audiences, quick ? 1 : 9, (audience) =>
      audience.deliver(work.perTick * work.ticks, 'produce', work),
    );
    const samples = { ours: taken['ui-message-stream'], 'default wire': taken.ours };
    const workload = `UI message stream to ${integer(clients)}, ${perTick} a tick`;
    const targets = [{ over: 'default wire', most: 1.05 }];
    rows.push(judge({ workload, unit: 'µs CPU per delivery', samples, targets }));
  }
  await closeAll(audiences);
  return rows;
}
