// One source of events, 1,000 clients: what a delivered event costs the server in CPU.
import { closeAll, inTurn, openAudiences } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';
import { PEERS } from '../ways/peers.js';

const WAYS = ['raw', 'express', 'ours', ...PEERS];
const GAP_MS = 30;
/** Events per tick, ticks per round. */
const LOADS = [
  {
    perTick: 1,
    ticks: 30,
    targets: [
      { over: 'express', most: 1 },
      { over: 'raw', most: 1.05 },
    ],
  },
  {
    perTick: 20,
    ticks: 5,
    targets: [
      { over: 'express', most: 0.25 },
      { over: 'raw', most: 0.5 },
    ],
  },
];

export async function run({ quick }) {
  const clients = quick ? 100 : 1_000;
  const audiences = await openAudiences(WAYS, clients);
  const rows = [];
  for (const { perTick, ticks, targets } of LOADS) {
    const work = { perTick, ticks: quick ? 2 : ticks, gapMs: GAP_MS };
    const samples = await inTurn(audiences, quick ? 1 : 5, (audience) =>
      audience.deliver(work.perTick * work.ticks, 'produce', work),
    );
    const workload = `fan-out to ${integer(clients)}, ${perTick} a tick`;
    rows.push(judge({ workload, unit: 'µs CPU per delivery', samples, targets }));
  }
  await closeAll(audiences);
  return rows;
}
