// 1,000 clients, each with a source of its own that sends 50 small events a second.
import { closeAll, inTurn, openAudiences } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';
import { PEERS } from '../ways/peers.js';

const WAYS = ['raw', 'express', 'ours', ...PEERS];
const PERIOD_MS = 20;

export async function run({ quick }) {
  const tasks = quick ? 100 : 1_000;
  const times = quick ? 10 : 50;
  const audiences = await openAudiences(WAYS, tasks, { each: true });
  const samples = await inTurn(audiences, quick ? 1 : 5, (audience) =>
    audience.deliver(times, 'produceEach', { times, periodMs: PERIOD_MS }),
  );
  await closeAll(audiences);
  const workload = `${integer(tasks)} tasks, one client each, ${1_000 / PERIOD_MS} events/s`;
  const targets = [{ over: 'express', most: 1.05 }, { over: 'raw' }];
  return [judge({ workload, unit: 'µs CPU per delivery', samples, targets })];
}
