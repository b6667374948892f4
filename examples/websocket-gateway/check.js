// Sockets that ask and close. The worker is that of the SSE gateway.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { checkGateway } from '../gateway-check.js';

/** Connects, asks, reads so many tokens. */
async function openTab(origin, count) {
  const socket = new WebSocket(origin);
  socket.on('error', () => {}); // the gateway is killed under it
  let token = 0;
  const enough = new Promise((resolve) => {
    socket.on('message', (text) => {
      assert.deepEqual(JSON.parse(String(text)), { token: ++token }, 'in order, none missing');
      if (token === count) resolve(undefined);
    });
  });
  await once(socket, 'open');
  socket.send('{"question":"why?"}');
  await enough;
  return { close: () => socket.terminate() };
}

/** A stranger has no id to name: its socket is its own, and what it sends that is no question ends its own stream only. */
async function intrude(origin) {
  const socket = new WebSocket(origin);
  await once(socket, 'open');
  socket.send('no JSON');
  const [answer] = await once(socket, 'message');
  assert.deepEqual(JSON.parse(String(answer)), { code: 'TASK_FAILED' });
  socket.close();
  await once(socket, 'close');
}

await checkGateway('websocket-gateway', new URL('./server.js', import.meta.url), openTab, intrude);
