// The SDK's own transport, unmodified, through a proxy that cuts: `CUTS=500 npm test` makes as many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport, readUIMessageStream } from 'ai';
import { resumableFetch } from '../../../dist/esm/client/index.js';
import { paced, startChatServer } from '../support/chat-server.js';
import { startCutProxy } from '../support/cut-proxy.js';
import { createRandom } from '../support/random.js';
import { randomAnswer } from './random-answer.js';

const CUTS = Number(process.env.CUTS ?? 60);
const random = createRandom();
console.log(`SEED=${random.seed}`);

async function assembled(stream) {
  let message;
  for await (const each of readUIMessageStream({ stream, terminateOnError: true })) message = each;
  return JSON.stringify(message);
}

const asStream = (chunks) =>
  new ReadableStream({ start: (controller) => (chunks.forEach((c) => controller.enqueue(c)), controller.close()) });

for (const publicPath of [undefined, '/tasks']) {
  test(`${CUTS} cuts are none for a transport with resumableFetch, ${publicPath ? 'by GET of the router' : 'by POST again'}`, async () => {
    let cuts = 0;
    let runs = 0;
    while (cuts < CUTS) {
      const chunks = randomAnswer(random, { steps: 4, parts: 5, pieces: 30 });
      const server = await startChatServer('ui-message-stream', () => chunks, { publicPath, pace: paced(random) });
      const proxy = await startCutProxy(server.port, () => ({
        after: random.int(300, 4000),
        kind: random.pick(['rst', 'fin']),
      }));
      const transport = new DefaultChatTransport({
        api: `${proxy.url}/api/chat`,
        fetch: resumableFetch(undefined, { maxRetries: 50 }),
      });
      const stream = await transport.sendMessages({ chatId: `c${runs}`, messages: [], trigger: 'submit-message' });
      assert.equal(await assembled(stream), await assembled(asStream(chunks)), `SEED=${random.seed} run ${runs}`);
      assert.equal(server.jobs, 1);
      cuts += proxy.cuts;
      runs++;
      await proxy.close();
      await server.close();
    }
    console.log(`${runs} answers, ${cuts} cuts, each message equal byte for byte, one job each`);
  });
}

test('a reload in the middle, by the SDK’s own resume, makes the same message as none', async () => {
  for (let run = 0; run < 20; run++) {
    const chunks = randomAnswer(random);
    const at = random.int(1, chunks.length - 1);
    let go;
    const reloaded = new Promise((resolve) => (go = resolve));
    let sent = 0;
    const pace = () => (++sent === at ? reloaded : undefined);
    const server = await startChatServer('ui-message-stream', () => chunks, { pace });
    const transport = new DefaultChatTransport({ api: `${server.url}/api/chat` });
    const leave = new AbortController();
    const first = await transport.sendMessages({
      chatId: 'c',
      messages: [],
      trigger: 'submit-message',
      abortSignal: leave.signal,
    });
    await first.getReader().read();
    leave.abort();
    const resumed = await transport.reconnectToStream({ chatId: 'c' });
    go();
    assert.equal(await assembled(resumed), await assembled(asStream(chunks)), `SEED=${random.seed}`);
    assert.equal(server.jobs, 1);
    assert.equal(await transport.reconnectToStream({ chatId: 'c' }), null); // 204: nothing runs any more
    await server.close();
  }
});

test('useChat’s own state: after a lost network its resume rebuilds the answer', async () => {
  let chunks;
  do chunks = randomAnswer(random, { steps: 3, parts: 4, pieces: 20 });
  while (chunks.length < 40); // the network is lost in its first half, and the rest is held back
  let sent = 0;
  let go;
  const back = new Promise((resolve) => (go = resolve));
  const server = await startChatServer('ui-message-stream', () => chunks, {
    pace: () => (++sent === 20 ? back : undefined),
  });
  const proxy = await startCutProxy(server.port, () => ({ after: 900 }));
  let api = `${proxy.url}/api/chat`;
  const transport = new DefaultChatTransport({
    prepareSendMessagesRequest: ({ id, messages }) => ({ api, body: { id, messages } }),
    prepareReconnectToStreamRequest: ({ id }) => ({ api: `${api}/${id}/stream` }),
  });
  const chat = new Chat({ id: 'c', transport });
  await chat.sendMessage({ text: 'Hello' });
  assert.equal(chat.status, 'error'); // plain fetch: the cut is an error of the chat
  api = `${server.url}/api/chat`;
  const resumed = chat.resumeStream();
  while (server.tasks.getStatistics().connections === 0) await new Promise((resolve) => setImmediate(resolve));
  go();
  await resumed;
  assert.equal(chat.status, 'ready');
  assert.equal(JSON.stringify(chat.messages.at(-1)), await assembled(asStream(chunks)));
  assert.equal(chat.messages.length, 2);
  await proxy.close();
  await server.close();
});

test('a refusal before the stream is a sentence that useChat can show', async () => {
  let go;
  const hold = new Promise((resolve) => (go = resolve));
  const server = await startChatServer('ui-message-stream', () => hold.then(() => []));
  const transport = new DefaultChatTransport({ api: `${server.url}/api/chat` });
  const send = () => transport.sendMessages({ chatId: 'c', messages: [], trigger: 'submit-message' });
  const first = await send();
  await assert.rejects(send(), { message: 'Another task runs in this slot', statusCode: 409 });
  go();
  await assembled(first);
  await server.close();
});
