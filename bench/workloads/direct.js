// 5,000 messages a second, each to a random one of the clients: what one costs with 2,000 of them, and with 10,000.
import { closeAll, inTurn, Audience } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const WAYS = ['raw', 'express', 'hub'];
const PER_SECOND = 5_000;

export async function run({ quick }) {
  const sizes = quick ? [100, 500] : [2_000, 10_000];
  const seconds = quick ? 0.2 : 2;
  const audiences = [];
  for (const way of WAYS) {
    for (const clients of sizes) {
      const audience = await Audience.open(way, clients, { each: true, sparse: true });
      audience.way = `${way === 'hub' ? 'ours' : way} ${clients}`;
      audiences.push(audience);
      await audience.deliver(1, 'produceEach', { times: 1, periodMs: clients / 5 }); // all have had one before
    }
  }
  const samples = await inTurn(audiences, quick ? 1 : 5, async ({ server, load }) => {
    const count = PER_SECOND * seconds;
    const before = await server.call('cpu');
    await Promise.all([
      server.call('produceRandom', { perSecond: PER_SECOND, seconds }),
      load.call('receivedInAll', count),
    ]);
    return ((await server.call('cpu')) - before) / count;
  });
  await closeAll(audiences);
  const ways = ['ours', 'raw', 'express'];
  const of = (clients) => Object.fromEntries(ways.map((way) => [way, samples[`${way} ${clients}`]]));
  const [few, many] = sizes.map(of);
  const growth = Object.fromEntries(ways.map((way) => [way, many[way].map((cost, round) => cost / few[way][round])]));
  const workload = `direct messages, ${integer(PER_SECOND)}/s`;
  const unit = 'µs CPU each';
  return [
    judge({ workload: `${workload} to ${integer(sizes[0])}`, unit, samples: few, targets: [{ over: 'express' }] }),
    judge({ workload: `${workload} to ${integer(sizes[1])}`, unit, samples: many, targets: [{ over: 'express' }] }),
    judge({
      workload: `direct messages, ${integer(sizes[1])} over ${integer(sizes[0])} clients`,
      unit: '× CPU',
      samples: growth,
      targets: [{ most: 1.3 }],
    }),
  ];
}
