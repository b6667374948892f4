// 10,000 connections that are held and get nothing: what each takes of the server's memory. A new server for every way
// and round.
import { Audience } from '../harness/audience.js';
import { integer } from '../harness/figures.js';
import { judge } from '../harness/rows.js';

const WAYS = ['raw', 'express', 'ours', 'hub', 'better-sse', 'express-sse'];
/** What is made once, however many follow. */
const FIRST = 200;
const TARGETS = [{ over: 'express', plus: 1_536 }];

async function held(way, connections) {
  const audience = await Audience.open(way, FIRST);
  const before = await audience.server.call('memory');
  await audience.attach(connections);
  const after = await audience.server.call('memory');
  await audience.close();
  const each = (name) => (after[name] - before[name]) / connections;
  return { used: each('used'), rss: each('rss') };
}

export async function run({ quick }) {
  const connections = quick ? 300 : 10_000;
  const samples = { used: {}, rss: {} };
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const way of WAYS) {
      const figures = await held(way, connections);
      for (const name of ['used', 'rss']) (samples[name][way] ??= []).push(figures[name]);
    }
  }
  const row = (ours, name, unit, targets) => {
    const { ours: tasks, hub, ...peers } = samples[name];
    const workload = `${integer(connections)} held connections, ${ours === 'hub' ? 'of the hub' : 'of one task'}`;
    return judge({ workload, unit, samples: { ours: ours === 'hub' ? hub : tasks, ...peers }, targets });
  };
  return ['tasks', 'hub'].flatMap((ours) => [
    row(ours, 'used', 'B heap and Buffers each', TARGETS),
    row(ours, 'rss', 'B RSS each', [{ over: 'express', plus: undefined }]),
  ]);
}
