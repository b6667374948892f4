// Two users: one stays, one goes offline and catches up; then the same in Python.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { startServer } from '../start-server.js';

const { origin, stop } = await startServer(new URL('./server.js', import.meta.url));

async function login(user) {
  const response = await fetch(`${origin}/login/${user}`, { method: 'POST' });
  return response.headers.getSetCookie()[0].split(';')[0];
}

const post = async (path, cookie, body) => {
  const headers = { Cookie: cookie, 'Content-Type': 'application/json' };
  const response = await fetch(origin + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: response.ok ? await response.json() : undefined };
};

/** Reads from where it left off until it has `count` messages, then leaves. */
async function read(client, count) {
  const headers = { Cookie: client.cookie };
  if (client.id) Object.assign(headers, { 'X-Client-ID': client.id, 'Last-Event-ID': client.lastEventId });
  const response = await fetch(`${origin}/hub/connect`, { headers });
  assert.equal(response.status, 200);
  assert(response.body);
  client.id = response.headers.get('x-client-id');
  const messages = [];
  const frames = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id, event, data } of frames) {
    if (id !== undefined) client.lastEventId = id;
    if (event !== 'connected') messages.push([event, JSON.parse(data)]);
    if (messages.length >= count) break; // leaving the loop closes the connection
  }
  return messages;
}

assert.equal((await fetch(`${origin}/hub/connect`)).status, 401, 'nobody without a login');
const admin = await login('admin');
const ann = { cookie: await login('ann') };
const bob = { cookie: await login('bob') };
assert.deepEqual(await read(ann, 0), []);
assert.deepEqual(await read(bob, 0), []);
assert.equal((await post('/hub/broadcast', ann.cookie, { data: 1 })).status, 403);

// Both are away now.
await post('/hub/broadcast', admin, { data: 'for all' });
await post('/news', admin, { title: 'in the room' });
await post('/users/ann', admin, { text: 'for ann' });
await post(`/hub/send/${ann.id}`, ann.cookie, { event: 'direct', data: 'for one of her tabs' });

const forAnn = [
  [undefined, 'for all'],
  ['news', { title: 'in the room' }],
  ['direct', { text: 'for ann' }],
  ['direct', 'for one of her tabs'],
];
assert.deepEqual(await read(ann, 4), forAnn);
assert.deepEqual(await read(bob, 2), forAnn.slice(0, 2), 'bob gets nothing of what was for ann');
await post('/hub/broadcast', admin, { data: 'later' });
assert.deepEqual(await read(ann, 1), [[undefined, 'later']], 'each once');

const client = fileURLToPath(new URL('./client.py', import.meta.url));
console.log(execFileSync('python3', [client, origin], { encoding: 'utf8', timeout: 20_000 }).trim());

assert.equal(await stop(), 0, 'SIGTERM ends the server');
console.log('notifications: what came while they were away is there, in order and once');
