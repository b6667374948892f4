// TanStack AI's client, unmodified, with the reconnect of its own: `CUTS=500 npm test` makes as many cuts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatClient, fetchServerSentEvents } from '@tanstack/ai-client';
import { paced, startChatServer } from '../support/chat-server.js';
import { startCutProxy } from '../support/cut-proxy.js';
import { createRandom } from '../support/random.js';

const CUTS = Number(process.env.CUTS ?? 60);
const random = createRandom();
console.log(`SEED=${random.seed}`);

function randomRun({ threadId = 't', runId = 'r' } = {}) {
  const words = ['the ', 'zwölf ', '🥊', 'line\n', 'data: x\n\n', '"quoted" '];
  const pieces = Array.from({ length: random.int(20, 120) }, () => random.pick(words));
  return [
    { type: 'RUN_STARTED', threadId, runId },
    { type: 'TEXT_MESSAGE_START', messageId: 'm', role: 'assistant' },
    ...pieces.map((delta) => ({ type: 'TEXT_MESSAGE_CONTENT', messageId: 'm', delta })),
    { type: 'TEXT_MESSAGE_END', messageId: 'm' },
    { type: 'RUN_FINISHED', threadId, runId },
  ];
}

const textOf = (events) => events.map(({ delta = '' }) => delta).join('');

async function answerOf(url) {
  const errors = [];
  const client = new ChatClient({
    connection: fetchServerSentEvents(`${url}/api/chat`, { reconnect: { maxAttempts: 50, delayMs: 1 } }),
    onError: (error) => errors.push(error),
  });
  await client.sendMessage('Hello');
  const { parts } = client.getMessages().at(-1);
  return { errors, texts: parts.filter(({ type }) => type === 'text').map(({ content }) => content) };
}

test(`${CUTS} cuts are none for TanStack AI’s own reconnect on the wire plain`, async () => {
  let cuts = 0;
  for (let run = 0; cuts < CUTS; run++) {
    let events;
    const server = await startChatServer('plain', (body) => (events = randomRun(body)), { pace: paced(random) });
    // The first answer must bring an id, or there is nothing that this client could come back with.
    const proxy = await startCutProxy(server.port, () => ({
      after: random.int(1200, 4000),
      kind: random.pick(['rst', 'fin']),
    }));
    assert.deepEqual(
      await answerOf(proxy.url),
      { errors: [], texts: [textOf(events)] },
      `SEED=${random.seed} run ${run}`,
    );
    assert.equal(server.jobs, 1);
    cuts += proxy.cuts;
    await proxy.close();
    await server.close();
  }
  console.log(`${cuts} cuts, each text equal, one job each`);
});

test('a failed job is an error of the chat with the public text', async () => {
  const server = await startChatServer('plain', () => Promise.reject(new Error('secret')));
  const { errors } = await answerOf(server.url).catch((error) => ({ errors: [error] }));
  assert.match(String(errors[0]), /The task failed/);
  await server.close();
});
