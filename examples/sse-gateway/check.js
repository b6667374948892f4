// Tabs that connect, ask and close.
import assert from 'node:assert/strict';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { checkGateway } from '../gateway-check.js';

const ask = (origin, id) => {
  const headers = { 'Content-Type': 'application/json', 'X-Connect-ID': id };
  return fetch(`${origin}/stream`, { method: 'POST', headers, body: JSON.stringify({ question: 'why?' }) });
};

/** Connects, asks, reads so many tokens. */
async function openTab(origin, count) {
  const controller = new AbortController();
  const response = await fetch(`${origin}/connect`, { signal: controller.signal });
  assert(response.body);
  const frames = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = frames.getReader();
  assert.equal((await ask(origin, response.headers.get('X-Client-ID'))).status, 202);
  for (let token = 0; token < count;) {
    const { value } = await reader.read();
    if (value?.event !== 'token') continue;
    token++;
    assert.deepEqual(JSON.parse(value.data), { token }, 'in order, none missing');
  }
  return { close: () => controller.abort() };
}

async function intrude(origin) {
  for (const id of ['', 'x', 'a.b', '*', 'A'.repeat(22)]) {
    const response = await ask(origin, id);
    assert.deepEqual([response.status, (await response.json()).code], [410, 'CLIENT_OFFLINE']);
  }
}

await checkGateway('sse-gateway', new URL('./server.js', import.meta.url), openTab, intrude);
