// A stream against publish and subscribe of the same messages on the same connections, by turns.
import { createPresence, createStreamRequester, createStreamResponder } from '../../dist/esm/nats/index.js';
import { Actor } from '../harness/actor.js';
import { integer, median } from '../harness/figures.js';
import { open, startNats } from '../harness/nats.js';

const TARGET = 0.7;
/** How far a raw publisher may be ahead, or it would only measure its own buffers. */
const RAW_AHEAD = 10_000;

/** In the sender's process. */
export async function work(servers, size) {
  const connection = await open(servers);
  const presence = createPresence({ connection });
  await presence.startClientOfflineListener();
  const message = Buffer.alloc(size, 'x');
  createStreamResponder({ connection, presence }).subscribe('stream', async ({ data }, sender) => {
    const count = Number(Buffer.from(data).toString());
    for (let n = 0; n < count; n++) await sender.send(message);
  });
  connection.subscribe('raw', {
    callback: async (_error, msg) => {
      const count = Number(msg.string());
      for (let n = 0; n < count; n++) {
        connection.publish(msg.reply, message);
        if (n % RAW_AHEAD === RAW_AHEAD - 1) await connection.flush();
      }
    },
  });
  await connection.flush();
}

let requester;
let link;

/** In the receiver's process. */
export async function connectReceiver(servers) {
  link = await open(servers);
  requester = createStreamRequester({ connection: link });
}

/** Messages per second. */
export async function receive(way, count) {
  const started = performance.now();
  if (way === 'raw') {
    const answers = link.subscribe('answers', { max: count });
    link.publish('raw', String(count), { reply: 'answers' });
    let seen = 0;
    for await (const { data } of answers) seen += data.length;
    if (seen === 0) throw new Error('nothing came');
  } else {
    let seen = 0;
    for await (const { seq } of requester.streamRequestWithClient('stream', String(count), 'client')) seen = seq;
    if (seen !== count) throw new Error(`${seen} of ${count}`);
  }
  return (count * 1_000) / (performance.now() - started);
}

async function compare(size, count, rounds) {
  const nats = await startNats();
  const [sender, receiver] = [await Actor.spawn(import.meta.url), await Actor.spawn(import.meta.url)];
  await sender.call('work', nats.servers, size);
  await receiver.call('connectReceiver', nats.servers);
  const rates = { raw: [], stream: [] };
  for (let round = -2; round < rounds; round++) {
    for (const way of ['raw', 'stream']) {
      const rate = await receiver.call('receive', way, count);
      if (round >= 0) rates[way].push(rate);
    }
  }
  await Promise.all([sender.exit(), receiver.exit()]);
  await nats.stop();
  const ratio = median(rates.stream.map((rate, round) => rate / rates.raw[round]));
  return {
    workload: `a stream of messages of ${integer(size)} bytes against raw publish and subscribe`,
    target: `≥ ${TARGET}`,
    figure: `${ratio.toFixed(2)} (${integer(median(rates.stream))}/s, raw ${integer(median(rates.raw))}/s)`,
    ok: ratio >= TARGET,
  };
}

export async function run({ quick = false } = {}) {
  const rounds = quick ? 3 : 9;
  return [
    await compare(100, 100_000, rounds),
    await compare(1_000, 50_000, rounds),
    await compare(16_384, 5_000, rounds),
  ];
}
