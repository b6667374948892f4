// The same gateway on WebSockets: one socket is one client. A message is a question, its answers come back.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocketServer } from 'ws';
import { createPresence, createStreamRequester, TaskError } from 'resumable-sse/nats';
import { connectNats } from '../connect-nats.js';

const connection = await connectNats();
const presence = createPresence({ connection, leaseMs: Number(process.env.LEASE_MS ?? 5_000) });
const requester = createStreamRequester({ connection, presence });

/** What a socket may be behind before the worker is slowed down: its credit is what this loop takes. */
const MAX_BUFFERED_BYTES = 65_536;

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1', maxPayload: 65_536 });
server.on('connection', (socket) => {
  const clientId = randomUUID(); // made here, so nobody can name the socket of somebody else
  presence.markClientOnline(clientId);
  socket.on('close', () => presence.markClientOffline(clientId));
  socket.on('error', () => socket.terminate());
  socket.on('message', (question) => void answer(socket, clientId, String(question)));
});

async function answer(socket, clientId, question) {
  try {
    for await (const message of requester.streamRequestWithClient('tokens', question, clientId)) {
      await send(socket, message.string());
    }
    await send(socket, '{"end":true}');
  } catch (error) {
    const code = error instanceof TaskError ? error.code : 'TASK_FAILED';
    if (socket.readyState === socket.OPEN) await send(socket, JSON.stringify({ code }));
  }
}

/** Waits for the socket where it is behind. */
async function send(socket, text) {
  const sent = new Promise((resolve) => socket.send(text, resolve)); // with an error where it is closed; `close` says so too
  if (socket.bufferedAmount > MAX_BUFFERED_BYTES) await sent;
}

await once(server, 'listening');
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
console.log(`listening on ws://127.0.0.1:${port}`);

process.once('SIGTERM', async () => {
  for (const socket of server.clients) socket.close(1001);
  server.close();
  await presence.stop();
  await connection.close(); // what was to be said has been said
});
