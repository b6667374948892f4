// 10,000 clients of the hub are cut off and come back at once, each with what it has missed: how long until the last one
// has all of it. Beside it, plain http that so many connect to at once.
import { Audience } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const MISSED = 5;
const TARGET_S = 10;

/** A server and its clients are new each time: a source address has only so many ports for one of a server's. */
async function comeBack(clients) {
  const audience = await Audience.open('hub', clients);
  const { server, load, port } = audience;
  await audience.deliver(1, 'produce', { perTick: 1, ticks: 1, gapMs: 0 });
  await load.call('cut');
  await server.call('activeAre', 0);
  await server.call('produce', { perTick: MISSED, ticks: 1, gapMs: 0 });
  const spentMs = await load.call('comeBack', port, MISSED);
  await audience.deliver(1, 'produce', { perTick: 1, ticks: 1, gapMs: 0 }); // they follow again
  await audience.close();
  return spentMs / 1_000;
}

export async function run({ quick }) {
  const clients = quick ? 500 : 10_000;
  const ours = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) ours.push(await comeBack(clients));
  const workload = `${integer(clients)} come back at once, each with the ${MISSED} events it missed`;
  return [judge({ workload, unit: 's until the last has them', samples: { ours }, targets: [{ most: TARGET_S }] })];
}
