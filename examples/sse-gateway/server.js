// A gateway between browsers, on Server-Sent Events, and workers, behind NATS. A tab connects once and gets an id; with
// that id it posts what it wants, as often as it wants, and the answers come on its one connection.
import express from 'express';
import { createHub, problemHandler, TaskError } from 'resumable-sse';
import { createPresence, createStreamRequester } from 'resumable-sse/nats';
import { connectNats } from '../connect-nats.js';

const connection = await connectNats();
const presence = createPresence({ connection, leaseMs: Number(process.env.LEASE_MS ?? 5_000) });
const requester = createStreamRequester({ connection, presence });

// Presence is tied to the connection: whoever is connected to the hub is online for all workers.
const hub = createHub();
hub.on('connect', ({ id }) => presence.markClientOnline(id));
hub.on('disconnect', (client) => {
  if (!client.connected) presence.markClientOffline(client.id); // unless it is back already
});

const app = express();
app.get('/connect', (req, res) => {
  hub.connect(req, res); // X-Client-ID says the id, which nobody else is told and nobody guesses
});

app.post('/stream', express.json(), (req, res) => {
  const clientId = req.get('X-Connect-ID') ?? '';
  if (!isConnected(clientId)) throw new TaskError('CLIENT_OFFLINE', 'Connect first');
  // Closing this request means nothing: only the connection that the id was given to says whether its client is there.
  void deliver(clientId, JSON.stringify(req.body ?? {}));
  res.sendStatus(202);
});
app.use(problemHandler);

async function deliver(clientId, question) {
  try {
    for await (const message of requester.streamRequestWithClient('tokens', question, clientId)) {
      hub.send(clientId, { event: 'token', data: message.json() });
    }
    hub.send(clientId, { event: 'end', data: {} });
  } catch (error) {
    const code = error instanceof TaskError ? error.code : 'TASK_FAILED';
    if (isConnected(clientId)) hub.send(clientId, { event: 'failure', data: { code } });
  }
}

function isConnected(clientId) {
  try {
    return hub.getClientInfo(clientId).connected;
  } catch {
    return false; // the hub does not know it
  }
}

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error;
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`listening on http://127.0.0.1:${port}`);
});

process.once('SIGTERM', async () => {
  await hub.stop();
  server.close();
  await presence.stop(); // its clients go offline at once, not with the lease
  await connection.close(); // what was to be said has been said
});
