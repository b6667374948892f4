// One event to 10,000 clients at a time: how late it comes, and what it costs.
import { closeAll, inTurn, openAudiences } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const WAYS = ['raw', 'express', 'hub', 'better-sse', 'express-sse'];

export async function run({ quick }) {
  const clients = quick ? 500 : 10_000;
  const audiences = await openAudiences(WAYS, clients);
  // One broadcast that something else delays spoils the p99 of its round: short rounds, and many of them.
  const rounds = await inTurn(audiences, quick ? 1 : 11, (audience) => audience.broadcastLatency(quick ? 2 : 5));
  await closeAll(audiences);
  return ['p50', 'p99'].map((name) => {
    const { hub: ours, ...peers } = Object.fromEntries(
      Object.entries(rounds).map(([way, figures]) => [way, figures.map((figure) => figure[name])]),
    );
    const targets = [
      { over: 'raw', most: 1.1 },
      { over: 'express', ...(name === 'p99' && { most: 1 }) },
    ];
    const workload = `broadcast to ${integer(clients)}, ${name}`;
    return judge({ workload, unit: 'ms until it is there', samples: { ours, ...peers }, targets });
  });
}
