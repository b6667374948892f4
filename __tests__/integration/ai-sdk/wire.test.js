// The bytes of the wire, before any server: what the SDK's own reader makes of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DefaultChatTransport, readUIMessageStream } from 'ai';
import { UI_MESSAGE_STREAM } from '../../../dist/esm/wires/ui-message-stream.js';
import { createRandom } from '../support/random.js';
import { randomAnswer } from './random-answer.js';

const random = createRandom();
console.log(`SEED=${random.seed}`);
const task = { taskId: 't', slot: undefined };
const idAt = (seq) => `AbCdEfGhIjKlMnOpQrStUv.${seq}`;
const COMPLETED = { status: 'completed', json: '{"task_id":"t","status":"completed"}', progress: undefined };

const frame = (chunk, index) =>
  UI_MESSAGE_STREAM.event(idAt(index + 1), { seq: index + 1, name: undefined, json: JSON.stringify(chunk) }, task);
const end = (seq, how = COMPLETED) => UI_MESSAGE_STREAM.end(idAt(seq), { ...how, seq }, task);

/** The message that the SDK assembles from these bytes. */
async function messageFrom(text) {
  const fetch = () => Promise.resolve(new Response(text, { headers: { 'Content-Type': 'text/event-stream' } }));
  const transport = new DefaultChatTransport({ api: 'http://localhost/chat', fetch });
  const stream = await transport.sendMessages({ chatId: 'c', messages: [], trigger: 'submit-message' });
  let message;
  for await (const each of readUIMessageStream({ stream, terminateOnError: true })) message = each;
  return JSON.stringify(message);
}

test('the answer of a model arrives as the SDK would have sent it', async () => {
  for (let run = 0; run < 100; run++) {
    const chunks = randomAnswer(random);
    const sent = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('') + 'data: [DONE]\n\n';
    const ours = `retry: 2000\n\n: heartbeat\n\n${chunks.map(frame).join('')}${end(chunks.length + 1)}`;
    assert.equal(await messageFrom(ours), await messageFrom(sent));
  }
});

test('a snapshot in the place of any beginning makes the same message', async () => {
  for (let run = 0; run < 60; run++) {
    const chunks = randomAnswer(random, { steps: 2, parts: 3, pieces: 8 });
    const whole = await messageFrom(chunks.map(frame).join('') + end(chunks.length + 1));
    const fold = UI_MESSAGE_STREAM.fold(1_000_000);
    const folded = random.int(1, chunks.length);
    chunks.slice(0, folded).forEach((chunk, index) => fold.add(chunk, index + 1));
    const tail = chunks.map(frame).slice(folded).join('') + end(chunks.length + 1);
    for (const after of [0, random.int(0, folded), random.int(0, folded)]) {
      const live = chunks.map(frame).slice(0, after).join('');
      const rest = UI_MESSAGE_STREAM.snapshot({ json: fold.toJson(), seq: folded, after }, idAt, task);
      assert.equal(
        await messageFrom(live + rest + tail),
        whole,
        `SEED=${random.seed} run ${run} after ${after} of ${folded}`,
      );
    }
  }
});

test('a failed job is an error with the public text, a cancelled one is no error, a gap is one', async () => {
  const chunks = randomAnswer(random);
  const begin = chunks.slice(0, -1).map(frame).join('');
  const failed = { status: 'failed', json: '{"error":{"code":"TASK_FAILED","message":"The task failed"}}' };
  await assert.rejects(messageFrom(begin + end(chunks.length, failed)), { message: 'The task failed' });
  const cancelled = { status: 'cancelled', json: '{"code":"TASK_CANCELLED","reason":"The client cancelled it"}' };
  assert.equal(await messageFrom(begin + end(chunks.length, cancelled)), await messageFrom(begin));
  const gap = UI_MESSAGE_STREAM.gap(idAt(99), { from: 3, to: 99, reason: 'trimmed' });
  await assert.rejects(messageFrom(begin + gap), { message: /no longer kept/ });
});
