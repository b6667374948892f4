// A broadcast to 10,000 with 100 clients among them that never read: what they cost the others, and the memory. They are
// sent enough to fill what the kernel buffers for each of them, so that they really stand still.
import { Audience } from '../harness/audience.js';
import { integer, median, MIB } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const LARGE = MIB / 2;

export async function run({ quick }) {
  const clients = quick ? 300 : 10_000;
  const never = quick ? 5 : 100;
  const rounds = quick ? 1 : 5;
  const audience = await Audience.open('hub', clients, { sparse: true });
  const { server, load, port, path } = audience;
  const latencies = async () => {
    const p99 = [];
    for (let round = -1; round < rounds; round++) p99.push((await audience.broadcastLatency(quick ? 2 : 10)).p99);
    return p99.slice(1);
  };
  const calm = await latencies();
  await load.call('attachNever', never, { port, path });
  await server.call('activeAre', clients + never);
  await server.call('stall', clients, LARGE);
  const before = await server.call('memory');
  const ours = await latencies();
  const after = await server.call('memory');
  if ((await server.call('stalled')) !== never) throw new Error('some of them have taken something');
  await load.call('dropNever');
  await server.call('activeAre', clients);
  calm.push(...(await latencies()));
  await audience.close();
  const workload = `broadcast to ${integer(clients)}, ${never} more never read`;
  const alone = median(calm);
  return [
    judge({
      workload: `${workload}, p99 over without them`,
      unit: '× (ms : ms)',
      samples: { ours: ours.map((p99) => p99 / alone) },
      targets: [{ most: 1.1 }],
    }),
    judge({
      workload: `${workload}, what the process grows by`,
      unit: 'MiB heap and Buffers',
      samples: { ours: [(after.used - before.used) / MIB] },
      targets: [{ most: 1 }],
    }),
  ];
}
