// From the moment a browser's connection closes to the moment the worker's next send rejects, at 1,000 messages a
// second; how many messages were computed for nobody meanwhile; and how many are without presence.
import { createServer } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPresence, createStreamRequester, createStreamResponder } from '../../dist/esm/nats/index.js';
import { Actor } from '../harness/actor.js';
import { nowMicros, quantile } from '../harness/figures.js';
import { listen } from '../harness/manager.js';
import { open, startNats } from '../harness/nats.js';

const EVERY_MS = 1;
const NAIVE_MESSAGES = 1_000;

let noticedAt;

/** When the gateway noticed the last tab that was closed. */
export const lastNotice = () => noticedAt;

/** In the gateway's process: one SSE connection, one client, one stream. */
export async function serve(servers) {
  const connection = await open(servers);
  const presence = createPresence({ connection });
  const requester = createStreamRequester({ connection, presence });
  let clients = 0;
  const server = createServer(async (req, res) => {
    const id = `client-${++clients}`;
    presence.markClientOnline(id);
    res.on('close', () => {
      noticedAt = nowMicros();
      connection.publish('bare', ''); // how fast it could be
      presence.markClientOffline(id);
    });
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    try {
      for await (const message of requester.streamRequestWithClient('count', id, id)) {
        res.write(`data: ${message.string()}\n\n`);
      }
    } catch {
      res.end();
    }
  });
  return listen(server);
}

let refused;
let bareAt;

/** In the worker's process: counts until nobody reads any more. */
export async function work(servers) {
  const connection = await open(servers);
  connection.subscribe('bare', { callback: () => (bareAt = nowMicros()) });
  const presence = createPresence({ connection });
  await presence.startClientOfflineListener();
  createStreamResponder({ connection, presence }).subscribe('count', async ({ signal }, sender) => {
    const sentAt = [];
    let abortedAt;
    signal.addEventListener('abort', () => (abortedAt = nowMicros()));
    try {
      for (let n = 1; ; n++) {
        await sleep(EVERY_MS); // the computing
        await sender.send(String(n));
        sentAt.push(nowMicros());
      }
    } catch (error) {
      refused.resolve({ at: nowMicros(), code: error.code, abortedAt, bareAt, sentAt: sentAt.slice(-2_000) });
    }
  });
  await connection.flush();
}

/** Without presence: publishing to an inbox that nobody reads any more does not fail. */
export async function workNaively(servers) {
  const connection = await open(servers);
  connection.subscribe('naive', {
    callback: async (_error, { reply }) => {
      let last;
      for (let n = 1; n <= NAIVE_MESSAGES; n++) {
        await sleep(EVERY_MS);
        connection.publish(reply, String(n));
        last = nowMicros();
      }
      refused.resolve({ computed: NAIVE_MESSAGES, last });
    },
  });
  await connection.flush();
}

/** Call it before the tab is closed, then await `outcome`. */
export function expectRefusal() {
  refused = Promise.withResolvers?.() ?? deferred();
}

export const outcome = () => refused.promise;

function deferred() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

async function trial(gateway, worker, port) {
  await worker.call('expectRefusal');
  const socket = connectSocket({ port, host: '127.0.0.1' });
  socket.write('GET / HTTP/1.1\r\nHost: bench\r\n\r\n');
  let text = '';
  for await (const bytes of socket) if ((text += bytes).includes('data: 5\n')) break;
  const closedAt = nowMicros();
  socket.destroy();
  const { at, code, abortedAt, bareAt, sentAt } = await worker.call('outcome');
  if (code !== 'CLIENT_OFFLINE') throw new Error(`refused with ${code}`);
  const noticedAt = await gateway.call('lastNotice');
  return {
    ms: (at - closedAt) / 1_000,
    noticeMs: (abortedAt - noticedAt) / 1_000,
    bareMs: (bareAt - noticedAt) / 1_000,
    wasted: sentAt.filter((sent) => sent > closedAt).length,
  };
}

async function trials(count, hidden) {
  const nats = await startNats();
  const monitor = hidden ? await open(nats.servers) : undefined;
  monitor?.subscribe('>', { callback() {} });
  const [gateway, worker] = [await Actor.spawn(import.meta.url), await Actor.spawn(import.meta.url)];
  await worker.call('work', nats.servers);
  const port = await gateway.call('serve', nats.servers);
  const results = [];
  for (let n = -20; n < count; n++) {
    const result = await trial(gateway, worker, port);
    if (n >= 0) results.push(result);
  }
  await Promise.all([gateway.exit(), worker.exit()]);
  await monitor?.close();
  await nats.stop();
  return results;
}

/** The part of the messages after the requester has gone that is computed all the same. */
async function naive() {
  const nats = await startNats();
  const worker = await Actor.spawn(import.meta.url);
  await worker.call('workNaively', nats.servers);
  await worker.call('expectRefusal');
  const requester = await open(nats.servers);
  const answers = requester.subscribe('answers', { max: 100 });
  requester.publish('naive', '', { reply: 'answers' });
  let read = 0;
  for await (const { data } of answers) read += data.length > 0 ? 1 : 0;
  const wanted = NAIVE_MESSAGES - 100;
  const { computed } = await worker.call('outcome');
  await worker.exit();
  await requester.close();
  await nats.stop();
  return (computed - read) / wanted;
}

export async function run({ quick = false } = {}) {
  const count = quick ? 100 : 1_000;
  const rows = [];
  for (const hidden of [false, true]) {
    const results = await trials(count, hidden);
    const spread = (of) => {
      const [half, most] = [0.5, 0.99].map((q) => quantile(results.map(of), q).toFixed(1));
      return `p50 ${half} ms, p99 ${most} ms`;
    };
    const wasted = results.map((result) => result.wasted);
    const what = hidden ? 'no 503 (a monitor listens to all)' : 'with the 503 of the server';
    rows.push({
      workload: `closed tab until the worker's next send rejects, ${count} times, ${what}`,
      target: '–',
      figure: spread(({ ms }) => ms),
      ok: true,
    });
    rows.push({
      workload: `of which from the gateway's close event to the worker's signal, ${what}`,
      target: '–',
      figure: `${spread(({ noticeMs }) => noticeMs)} (a bare message: ${spread(({ bareMs }) => bareMs)})`,
      ok: true,
    });
    rows.push({
      workload: `messages computed for nobody at 1,000/s, ${what}`,
      target: '≤ 2',
      figure: `p50 ${quantile(wasted, 0.5)}, p99 ${quantile(wasted, 0.99)}, most ${Math.max(...wasted)}`,
      ok: quantile(wasted, 0.99) <= 2,
    });
  }
  rows.push({
    workload: 'the same without presence: part of the rest that is computed',
    target: '–',
    figure: `${((await naive()) * 100).toFixed(0)} %`,
    ok: true,
  });
  return rows;
}
