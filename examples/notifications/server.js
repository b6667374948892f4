// Notifications: sign in, get what is for all, for your rooms and for you, also what came while you were away.
import { fileURLToPath } from 'node:url';
import cookieParser from 'cookie-parser';
import express from 'express';
import { createHub } from 'resumable-sse';

const hub = createHub();
const app = express();
app.use(cookieParser(process.env.SECRET ?? 'only for this example'));

app.post('/login/:user', (req, res) => {
  res.cookie('user', req.params.user, { signed: true, httpOnly: true, sameSite: 'strict' }).sendStatus(204);
});

const requireUser = (req, res, next) => (req.signedCookies.user ? next() : res.sendStatus(401));
const requireAdmin = (req, res, next) => (req.signedCookies.user === 'admin' ? next() : res.sendStatus(403));

// The library's routes, and one of our own in the place of /connect: every user is in the room of the news.
app.get('/hub/connect', requireUser, (req, res) => {
  hub.connect(req, res, { userId: req.signedCookies.user, rooms: ['news'] });
});
app.use('/hub', hub.router({ auth: requireUser, admin: requireAdmin, userId: (req) => req.signedCookies.user }));
app.post('/news', requireAdmin, express.json(), (req, res) => {
  res.json({ clients: hub.publish('news', { event: 'news', data: req.body }) });
});
app.post('/users/:user', requireAdmin, express.json(), (req, res) => {
  res.json({ clients: hub.sendToUser(req.params.user, { event: 'direct', data: req.body }) });
});
app.use(express.static(folderOf('./public/index.html')));
// The client in one file, which the page imports as it is.
app.use('/modules', express.static(folderOf('resumable-sse/client.min.js')));

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error;
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}/`);
});

function folderOf(specifier) {
  return fileURLToPath(new URL('.', import.meta.resolve(specifier)));
}

process.once('SIGTERM', async () => {
  await hub.stop();
  server.close();
});
