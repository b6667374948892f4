// A million clients: the memory of each, a look at one, and how long another process needs to know them all.
import { createPresence } from '../../dist/esm/nats/index.js';
import { Actor } from '../harness/actor.js';
import { integer, settledMemory } from '../harness/figures.js';
import { open, startNats } from '../harness/nats.js';

/** 24 characters, all different, none of them made by cutting another: as they come out of a header. */
const idOf = (n) => Buffer.from(`client-${String(n).padStart(8, '0')}-abcdefgh`).toString('latin1');

let presence;

/** In the gateway's process: bytes for each client, and looks per second. */
export async function gather(servers, count) {
  presence = createPresence({ connection: await open(servers) });
  presence.markClientOnline('first');
  const before = await settledMemory();
  for (let n = 0; n < count; n++) {
    presence.markClientOnline(idOf(n));
    if (n % 10_000 === 0) await new Promise(setImmediate); // lets the messages go
  }
  const after = await settledMemory();
  return { bytes: (after.used - before.used) / count, looks: looksPerSecond(count) };
}

function looksPerSecond(count) {
  const ids = Array.from({ length: 100_000 }, (_, n) => idOf((n * 7_919) % (2 * count))); // half of them are offline
  let online = 0;
  let looks = 0;
  const started = performance.now();
  while (performance.now() - started < 1_000) {
    for (const id of ids) if (presence.isClientOnline(id)) online++;
    looks += ids.length;
  }
  if (online === 0) throw new Error('nobody was online');
  return (looks * 1_000) / (performance.now() - started);
}

/** In a worker's process: from nothing to all of them. */
export async function learn(servers, count) {
  const connection = await open(servers);
  const before = await settledMemory();
  presence = createPresence({ connection });
  const started = performance.now();
  await presence.startClientOfflineListener();
  const seconds = (performance.now() - started) / 1_000;
  if (!presence.isClientOnline(idOf(count - 1)) || presence.isClientOnline('x')) throw new Error('not complete');
  const after = await settledMemory();
  return { seconds, bytes: (after.used - before.used) / count, looks: looksPerSecond(count) };
}

export async function run({ quick = false } = {}) {
  const count = quick ? 100_000 : 1_000_000;
  const nats = await startNats();
  const [gateway, worker] = [await Actor.spawn(import.meta.url), await Actor.spawn(import.meta.url)];
  const local = await gateway.call('gather', nats.servers, count);
  const remote = await worker.call('learn', nats.servers, count);
  await Promise.all([gateway.exit(), worker.exit()]);
  await nats.stop();
  const clients = `${integer(count)} clients with ids of 24 characters`;
  return [
    {
      workload: `${clients}: memory at their gateway`,
      target: '–',
      figure: `${integer(local.bytes)} bytes each`,
      ok: true,
    },
    {
      workload: `${clients}: memory at a worker`,
      target: '–',
      figure: `${integer(remote.bytes)} bytes each`,
      ok: true,
    },
    {
      workload: `${clients}: isClientOnline`,
      target: '–',
      figure: `${integer(remote.looks)}/s (gateway ${integer(local.looks)}/s)`,
      ok: true,
    },
    {
      workload: `${clients}: a new worker knows them all`,
      target: '–',
      figure: `${remote.seconds.toFixed(1)} s`,
      ok: true,
    },
  ];
}
