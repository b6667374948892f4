// Puts the middlewares that Express applications use, unmodified, before a handler: each of them, and all together. Whatever
// they put in the place of the response's functions, a client whose connection is cut gets exactly the rest, nothing hangs,
// and the process hears no complaint.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, test } from 'node:test';
import compression from 'compression';
import timeout from 'connect-timeout';
import cookieParser from 'cookie-parser';
import cors from 'cors';
import session from 'express-session';
import { body, validationResult } from 'express-validator';
import helmet from 'helmet';
import morgan from 'morgan';
import multer from 'multer';
import pinoHttp from 'pino-http';
import { allOf, EVENTS, eventsOf, idsOf, serve, start } from './job-server.js';

const silence = () => new Writable({ write: (_line, _encoding, done) => done() });
const uploads = mkdtempSync(join(tmpdir(), 'uploads-'));
after(() => rmSync(uploads, { recursive: true }));

/** Everything that the process is told behind our back. */
const incidents = [];
for (const name of ['warning', 'unhandledRejection', 'uncaughtException']) {
  process.on(name, (what) => incidents.push(what));
}

/** A session store that cannot save: by its callback, or by throwing. */
class FailingStore extends session.Store {
  constructor(fail) {
    super();
    this.fail = fail;
  }
  get(_id, done) {
    done(null, null);
  }
  set(_id, _session, done) {
    this.fail(done);
  }
  destroy(_id, done) {
    done();
  }
}
const sessions = (store) => session({ secret: 'x', resave: true, saveUninitialized: true, ...(store && { store }) });
const failure = new Error('The store cannot save');
const saysSo = new FailingStore((done) => done(failure));
const throws = new FailingStore(() => {
  throw failure;
});

/** Double submit: a start needs the token of the cookie in a header, too. */
const csrf = (req, res, next) => {
  if (req.method === 'GET') {
    res.cookie('csrf', 'token');
    next();
  } else if (req.cookies.csrf === 'token' && req.get('x-csrf-token') === 'token') next();
  else res.status(403).json({ error: 'csrf' });
};
const isValid = (req, res, next) => {
  const errors = validationResult(req);
  if (req.method === 'GET' || errors.isEmpty()) next();
  else res.status(400).json({ errors: errors.array() });
};

const single = {
  'express-session': [sessions()],
  'connect-timeout': [timeout('2s')],
  'multer in memory': [multer().single('file')],
  'multer on disk': [multer({ dest: uploads }).single('file')],
  helmet: [helmet()],
  'cookie-parser': [cookieParser()],
  compression: [compression()],
  morgan: [morgan('combined', { stream: silence() })],
  'pino-http': [pinoHttp(silence())],
  cors: [cors({ origin: true, credentials: true })],
  'express-validator': [multer().single('file'), body('year').isInt(), isValid],
  'a double submit of a token': [cookieParser(), csrf],
};
const stacks = {
  ...single,
  'all of them': [
    ...['morgan', 'pino-http', 'helmet', 'cors', 'connect-timeout', 'compression', 'express-session'].flatMap(
      (name) => single[name],
    ),
    ...[cookieParser(), csrf, multer().single('file'), body('year').isInt(), isValid],
  ],
};

for (const [name, middlewares] of Object.entries(stacks)) {
  test(`${name}: starts, is cut, resumes exactly, ends, and starts once for one key`, async (t) => {
    const { url, tasks, errors, calls } = await serve(t, middlewares);
    // A body that nobody has parsed is a payload of its own, so only those who parse it get one.
    const file = /multer|validator|all/.test(name) ? 'a file' : undefined;
    const cut = new AbortController();
    const first = await start(url, 'one', file, cut.signal);
    assert.equal(first.status, 200, `${name}: ${first.status}`);
    const key = first.headers.get('x-resume-key');
    const seen = [];
    await assert.rejects(async () => {
      for await (const id of idsOf(first)) {
        seen.push(id);
        if (seen.length === 20) cut.abort();
      }
    });
    const last = seen.at(-1);
    const accept = { Accept: 'text/event-stream' };
    const resumed = await fetch(url, { headers: { ...accept, 'Last-Event-ID': last } });
    assert.equal(resumed.status, 200);
    const [again, ...rest] = await allOf(resumed);
    assert.equal(again, last);
    const expected = Array.from({ length: EVENTS + 2 }, (_, seq) => `${key}.${seq}`);
    assert.deepEqual([...seen, ...rest], expected);
    assert.equal((await fetch(url, { headers: { ...accept, 'Last-Event-ID': rest.at(-1) } })).status, 204);
    const repeated = await start(url, 'one', file);
    assert.deepEqual(await allOf(repeated), expected);
    assert.equal(calls(), 1);
    assert.deepEqual([errors, incidents.splice(0)], [[], []]);
    assert.equal(tasks.getStatistics().running, 0);
  });
}

for (const name of ['multer in memory', 'multer on disk']) {
  test(`${name}: another file under the same key is another payload`, async (t) => {
    const { url, calls } = await serve(t, single[name]);
    await allOf(await start(url, 'one', 'a file'));
    const other = await start(url, 'one', 'a fils');
    assert.equal(other.status, 422);
    assert.equal((await other.json()).code, 'KEY_REUSED');
    assert.equal(calls(), 1);
  });
}

for (const [how, store, warnings] of [
  ['says so', saysSo, []],
  ['throws', throws, ['CallbackWarning']],
]) {
  test(`express-session with a store that cannot save and ${how}: every reader gets every event`, async (t) => {
    const { url } = await serve(t, [sessions(store)]);
    const first = await start(url, 'one');
    const key = first.headers.get('x-resume-key');
    const expected = Array.from({ length: EVENTS + 2 }, (_, seq) => `${key}.${seq}`);
    const others = [1, 2].map(async () => eventsOf(await fetch(`${url}?resume_key=${key}`)));
    for (const ids of await Promise.all([eventsOf(first), ...others])) assert.deepEqual(ids, expected);
    assert.deepEqual([...new Set(incidents.splice(0).map((incident) => incident.name))], warnings);
    assert.equal((await fetch(url, { headers: { 'Last-Event-ID': `${key}.0` } })).status, 200); // it still serves
    incidents.length = 0;
  });
}

test('connect-timeout: a start whose owner takes too long is answered once, and its job does not run', async (t) => {
  let admit;
  const owner = () => new Promise((resolve) => (admit = resolve));
  const { url, errors, calls, tasks } = await serve(t, [timeout('50ms')], { owner });
  const late = await start(url);
  assert.equal(late.status, 503);
  await late.text();
  admit('ann');
  const next = start(url); // on the same connection, where it is kept
  while (tasks.getStatistics().running === 0 && calls() === 0) {
    admit('ann');
    await new Promise(setImmediate);
  }
  assert.equal((await allOf(await next)).length, EVENTS + 2);
  assert.equal(calls(), 1);
  assert.deepEqual([errors.map(({ status }) => status), incidents.splice(0)], [[503], []]);
});

test('a start that a middleware refuses runs nothing', async (t) => {
  const { url, calls } = await serve(t, stacks['all of them']);
  const headers = { Accept: 'text/event-stream' };
  assert.equal((await fetch(url, { method: 'POST', headers })).status, 403);
  const allowed = { ...headers, Cookie: 'csrf=token', 'X-CSRF-Token': 'token' };
  assert.equal((await fetch(url, { method: 'POST', headers: allowed })).status, 400);
  assert.equal(calls(), 0);
  assert.deepEqual(incidents.splice(0), []);
});
