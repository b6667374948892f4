// AG-UI's HttpAgent, unmodified, through a proxy that cuts: `CUTS=500 npm test` makes as many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpAgent } from '@ag-ui/client';
import { resumableFetch } from '../../../dist/esm/client/index.js';
import { paced, startChatServer } from '../support/chat-server.js';
import { startCutProxy } from '../support/cut-proxy.js';
import { createRandom } from '../support/random.js';

const CUTS = Number(process.env.CUTS ?? 60);
const random = createRandom();
console.log(`SEED=${random.seed}`);

/** A run that thinks, calls a tool, keeps a state and answers. */
function randomRun({ threadId = 't', runId = 'r' } = {}) {
  const words = ['the ', 'zwölf ', '🥊', 'line\n', 'data: x\n\n', '"quoted" '];
  const pieces = (make) => Array.from({ length: random.int(1, 40) }, () => make(random.pick(words)));
  const id = random.int(1, 9);
  return [
    { type: 'RUN_STARTED', threadId, runId },
    { type: 'STATE_SNAPSHOT', snapshot: { step: 0 } },
    { type: 'TOOL_CALL_START', toolCallId: `c${id}`, toolCallName: 'weather' },
    ...pieces((delta) => ({ type: 'TOOL_CALL_ARGS', toolCallId: `c${id}`, delta })),
    { type: 'TOOL_CALL_END', toolCallId: `c${id}` },
    { type: 'STATE_DELTA', delta: [{ op: 'replace', path: '/step', value: 1 }] },
    { type: 'TEXT_MESSAGE_START', messageId: `m${id}`, role: 'assistant' },
    ...pieces((delta) => ({ type: 'TEXT_MESSAGE_CONTENT', messageId: `m${id}`, delta })),
    { type: 'TEXT_MESSAGE_END', messageId: `m${id}` },
    { type: 'STATE_SNAPSHOT', snapshot: { step: 2 } },
  ];
}

async function runAgent(url, fetch) {
  const agent = new HttpAgent({ url: `${url}/api/chat`, threadId: 't', ...(fetch && { fetch }) });
  await agent.runAgent({ runId: 'r' });
  return JSON.stringify({ messages: agent.messages, state: agent.state });
}

/** What the agent makes of these bytes. */
const read = (text) =>
  runAgent('http://localhost', () =>
    Promise.resolve(new Response(text, { headers: { 'Content-Type': 'text/event-stream' } })),
  );

const plain = (events) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
const FINISHED = { type: 'RUN_FINISHED', threadId: 't', runId: 'r' };

test(`${CUTS} cuts are none for HttpAgent with resumableFetch, and its verifier passes on every resume`, async () => {
  let cuts = 0;
  for (let run = 0; cuts < CUTS; run++) {
    const events = randomRun();
    // Every other job leaves the frame of the run to the wire.
    const sent = run % 2 ? [...events, FINISHED] : events.slice(1);
    const server = await startChatServer('ag-ui', () => sent, {
      pace: paced(random),
      publicPath: run % 3 ? '/tasks' : undefined,
    });
    const proxy = await startCutProxy(server.port, () => ({
      after: random.int(300, 2500),
      kind: random.pick(['rst', 'fin']),
    }));
    const made = await runAgent(proxy.url, resumableFetch(undefined, { maxRetries: 50 }));
    assert.equal(made, await read(plain([...events, FINISHED])), `SEED=${random.seed} run ${run}`);
    assert.equal(server.jobs, 1);
    cuts += proxy.cuts;
    await proxy.close();
    await server.close();
  }
  console.log(`${cuts} cuts, messages and state equal byte for byte, one job each`);
});

test('who joins late begins with a whole, valid run, however much was trimmed', async () => {
  for (let run = 0; run < 10; run++) {
    const events = [...randomRun(), FINISHED];
    const at = random.int(5, events.length - 1);
    let go;
    const joined = new Promise((resolve) => (go = resolve));
    let sent = 0;
    const pace = () => (++sent === at ? joined : undefined);
    const server = await startChatServer('ag-ui', () => events, { pace, maxEventsPerTask: 16 });
    const body = JSON.stringify({ threadId: 't' });
    const first = await fetch(`${server.url}/api/chat`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    while (sent < at) await new Promise((resolve) => setImmediate(resolve));
    const late = await fetch(`${server.url}/api/chat/t/stream`);
    go();
    assert.equal(await read(await late.text()), await read(plain(events)), `SEED=${random.seed}`);
    await first.body.cancel();
    await server.close();
  }
});

test('a failed and a cancelled run are errors of the run with the public text, a refusal is an error with its payload', async () => {
  const failing = await startChatServer('ag-ui', () => Promise.reject(new Error('secret')));
  const agent = new HttpAgent({ url: `${failing.url}/api/chat`, threadId: 't' });
  const errors = [];
  await agent.runAgent({}, { onRunErrorEvent: ({ event }) => void errors.push(event.message) });
  assert.deepEqual(errors, ['The task failed']);
  await failing.close();

  let go;
  const hold = new Promise((resolve) => (go = resolve));
  const busy = await startChatServer('ag-ui', () =>
    hold.then(() => [{ type: 'RUN_STARTED', threadId: 't', runId: 'r' }]),
  );
  const first = runAgent(busy.url);
  while (busy.jobs < 1) await new Promise((resolve) => setImmediate(resolve));
  const error = await runAgent(busy.url).catch((reason) => reason);
  assert.equal(error.payload.code, 'SLOT_BUSY');
  go();
  await first;
  await busy.close();
});
