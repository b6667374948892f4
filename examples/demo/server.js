// A server whose jobs outlive the connections that watch them. `npm run demo`, then open the URL that it prints.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createTaskManager, problemHandler, TaskError } from 'resumable-sse';
import { answerQuestion, QUESTIONS, TEXT_SO_FAR } from './jobs/answer.js';
import { importFile } from './jobs/import.js';
import { createLines } from './line.js';
import { answerRefusal, Refusal } from './problems.js';
import { readWhole } from './query.js';
import { buildReport } from './jobs/report.js';
import { KEEPS_JOBS, storeOptions } from './store.js';
import { createReceiver, declaredCharset, SAMPLE_PATH } from './upload.js';

/** How long running jobs may go on after SIGTERM while their clients watch. */
const GRACE_MS = 3_000;
/** Somebody starts it again, and its jobs outlive it: the page may show a button for that. */
const CAN_BE_KILLED = KEEPS_JOBS && process.channel !== undefined;
/** A gigabyte takes minutes, and more where somebody slows it down to watch. */
const IMPORT_TIMEOUT_MS = 6 * 3_600_000;

const tasks = createTaskManager({
  ...(await storeOptions()),
  retryMs: 1_000,
  publicPath: '/tasks', // answers say where their task is, so that a client can cancel it
  // A TaskError is for the client, who gets it: a file that holds no table is no fault of ours.
  onTaskError: (error, { taskId }) => void (error instanceof TaskError || console.error(`task ${taskId}:`, error)),
});
const receiveFile = createReceiver();
const lines = createLines();
const app = express();
app.disable('x-powered-by');
app.use(lines.carry);
const PAGE = readFileSync(new URL('./public/index.html', import.meta.url), 'utf8');
// Whoever shares the page shows its picture, which has to be named with the host.
app.get('/', (req, res) => {
  const host = /^[\w.:[\]-]+$/.test(req.get('Host') ?? '') ? req.get('Host') : 'localhost';
  res.type('html').send(PAGE.replace('{{origin}}', `${req.protocol}://${host}`));
});
app.use(express.static(fileURLToPath(new URL('./public', import.meta.url)), { index: false }));
// What the page imports: the client in one file, and the chart, as they are.
app.use('/modules', express.static(folderOf('resumable-sse/client.min.js')), express.static(folderOf('uplot')));
app.get('/readme', (_req, res) =>
  res.type('text/plain').sendFile(fileURLToPath(new URL('../../README.md', import.meta.url))),
);
app.get('/sample.csv', (_req, res) => res.sendFile(SAMPLE_PATH));

// A file comes with POST and is answered 202; the Location, /imports?resume_key=…, streams to whoever GETs it.
app.post('/imports', (req, _res, next) => {
  req.headers.prefer = 'respond-async';
  next();
});
app.all('/imports', tasks.handler(importFile, { name: 'imports', input: readImport, timeoutMs: IMPORT_TIMEOUT_MS }));

async function readImport(req) {
  // The instance that had the file died: who comes back brings the code, and the last progress says which file it was.
  if (req.query.resume_key !== undefined) return { file: undefined, rowsPerSecond: undefined };
  // The library asks for the input only where a task is about to start: this GET has no key.
  if (req.method !== 'POST') throw new TaskError('INVALID_INPUT', 'POST a file here, then GET the Location');
  const rowsPerSecond = readWhole(req, 'rows_per_second', { least: 1, most: 1_000_000, otherwise: Infinity });
  const charset = declaredCharset(req);
  return { file: await receiveFile(req), charset, rowsPerSecond };
}

// Text, token by token. Who comes back without it asks for a snapshot, which is the text so far.
app.all('/answers', tasks.handler(answerQuestion, { name: 'answers', input: readQuestion, snapshot: TEXT_SO_FAR }));

function readQuestion({ query }) {
  if (query.resume_key !== undefined) return { question: undefined }; // the last progress says which it was
  const question = String(query.question);
  if (QUESTIONS.includes(question)) return { question };
  throw new TaskError('INVALID_INPUT', `question is one of ${QUESTIONS.join(', ')}`);
}

// GET starts this one, so that `new EventSource('/report?steps=100')` and `curl -N` are all it takes.
app.all('/report', tasks.handler(buildReport, { input: readReport, timeoutMs: Infinity }));

function readReport(req) {
  return {
    steps: readWhole(req, 'steps', { least: 1, most: 1_000_000, otherwise: 100 }),
    intervalMs: readWhole(req, 'interval_ms', { least: 0, most: 60_000, otherwise: 100 }),
    payloadBytes: readWhole(req, 'payload_bytes', { least: 0, most: 1_000_000, otherwise: 0 }),
  };
}

app.get('/demo.json', (_req, res) => void res.json({ can_be_killed: CAN_BE_KILLED }));
app.post('/line/kill', (req, _res, next) => {
  // The header is one that no other site can send unasked.
  if (!CAN_BE_KILLED || req.get('X-Demo-Tab') === undefined) next();
  else process.kill(process.pid, 'SIGKILL');
});
app.post('/line/:tab/cut', lines.cut);
app.use('/tasks', tasks.router());
app.use((req) => {
  throw new Refusal(404, 'NOT_FOUND', `There is no ${req.method} ${req.path}`);
});
app.use(problemHandler, answerRefusal);

const { PORT: port = '3000', HOST: host = '127.0.0.1' } = process.env;
if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) fail(`PORT is a number from 0 to 65535, not "${port}".`);
const server = createServer(app);
server.on('error', (error) => {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code === 'EADDRINUSE') fail(`Port ${port} is in use.`);
  fail(`Cannot listen on ${host}:${port}: ${error.message}`);
});
server.listen(Number(port), host, () => {
  const { address, family, port: bound } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const shown = ['0.0.0.0', '::'].includes(address) ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  console.log(`resumable-sse demo: http://${shown}:${bound}  (Ctrl+C stops it)`);
});

process.once('SIGTERM', drain).once('SIGINT', drain).once('disconnect', drain);
if (process.connected === false) void drain(); // whoever starts it again was gone before it was up

async function drain() {
  const { running } = tasks.getStatistics();
  if (running > 0) console.log(`Stopping: running jobs (${running}) have ${GRACE_MS / 1_000} s to end.`);
  process.once('SIGTERM', exitNow).once('SIGINT', exitNow); // who asks twice does not want to wait
  await tasks.stop({ graceMs: GRACE_MS });
  server.close(() => process.exit(0));
  setTimeout(() => server.closeAllConnections(), 1_000).unref(); // a half-sent upload, for one
}

function folderOf(specifier) {
  return fileURLToPath(new URL('.', import.meta.resolve(specifier)));
}

function exitNow() {
  process.exit(1);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
