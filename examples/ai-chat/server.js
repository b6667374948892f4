// A chat whose answers survive: one handler that writes them, one route that finds the one being written.
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { convertToModelMessages, generateId, streamText, toUIMessageStream } from 'ai';
import express from 'express';
import { createTaskManager } from '../../dist/esm/index.js';
import { buildPage } from './build.js';
import { createChats } from './chats.js';
import { model } from './model.js';

const chats = createChats();
const userOf = ({ headers }) => /(?:^|;\s*)user=([\w-]+)/.exec(headers.cookie ?? '')?.[1];
const tasks = createTaskManager({ owner: userOf });
const chatIdOf = ({ body, params }) => params.id ?? body.id;

/** Runs on the server until the answer is written, whoever is watching. */
async function* answer({ signal, input: { user, id, message } }) {
  const messages = [...chats.read(user, id), message];
  chats.save(user, id, messages);
  // The task’s signal, never the request’s: a reader who leaves must not stop the model.
  const result = streamText({ model, messages: await convertToModelMessages(messages), abortSignal: signal });
  yield* toUIMessageStream({
    stream: result.stream,
    originalMessages: messages,
    generateMessageId: generateId,
    onEnd: ({ messages: finished }) => chats.save(user, id, finished), // done or stopped: what was written is kept
  });
}

const app = express();
app.use((req, res, next) => {
  if (userOf(req) === undefined) res.cookie('user', randomUUID(), { httpOnly: true, sameSite: 'lax' });
  next();
});
app.post(
  '/api/chat',
  express.json(),
  tasks.handler(answer, {
    wire: 'ui-message-stream',
    slot: chatIdOf,
    input: (req) => ({ user: userOf(req), id: req.body.id, message: req.body.message }),
  }),
);
// GET: the answer that is being written, or 204. DELETE: stops it.
app.all('/api/chat/:id/stream', tasks.resume({ slot: chatIdOf }));
app.get('/api/chat/:id', (req, res) => void res.json(chats.read(userOf(req), req.params.id)));

/** For the button “Cut”: what a bad network does to every connection. */
const sockets = new Set();
app.post('/cut', (req, res) => {
  for (const socket of sockets) if (socket !== req.socket) socket.resetAndDestroy();
  res.status(204).end();
});

await buildPage();
app.use(express.static(fileURLToPath(new URL('public', import.meta.url)), { index: false }));
app.get('/chat/:id', (_req, res) => void res.sendFile(fileURLToPath(new URL('public/index.html', import.meta.url))));
app.get('/', (_req, res) => void res.redirect(`/chat/${randomUUID()}`));

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST, () => {
  console.log(`http://${process.env.HOST ?? 'localhost'}:${server.address().port}`);
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
process.once('SIGTERM', async () => {
  await tasks.stop();
  server.close();
  server.closeAllConnections();
});
