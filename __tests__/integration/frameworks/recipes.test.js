// Runs the programs of docs/RECIPES.md with the frameworks as their makers publish them, and holds each to the same promise:
// a client whose connection is cut gets exactly the rest.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import Koa from 'koa';

const page = readFileSync(new URL('../../../docs/RECIPES.md', import.meta.url), 'utf8');
const library = new URL('../../../dist/esm/index.js', import.meta.url).href;
const recipes = [...page.matchAll(/<!-- runs: (\S+) -->\n\n```mjs\n(.*?)```/gs)];

test('the page has a program for each framework', () => {
  assert.deepEqual(
    recipes.map(([, name]) => name),
    ['fastify', 'koa', 'hono', 'node:http'],
  );
});

for (const [, name, code] of recipes) {
  test(`${name} streams a job, resumes it exactly after a cut, and answers 204 after the end`, async (t) => {
    const url = await start(t, name, code);
    const first = await fetch(url);
    assert.equal(first.status, 200);
    const key = first.headers.get('x-resume-key');
    const all = idsIn(await first.text());
    assert.deepEqual(
      all,
      Array.from({ length: 102 }, (_, seq) => `${key}.${seq}`),
    );

    const resume = (seq) => fetch(url, { headers: { 'Last-Event-ID': `${key}.${seq}` } });
    assert.deepEqual(idsIn(await (await resume(40)).text()), [`${key}.40`, ...all.slice(41)]);
    assert.equal((await resume(101)).status, 204);
    assert.equal((await fetch(`${url}?resume_key=${'A'.repeat(22)}`)).status, 404);
  });
}

for (const [, name, code] of recipes) {
  test(`${name} leaves no client waiting where the application's own function fails`, async (t) => {
    const fails = "createTaskManager({ owner(req) { if (req.url.includes('fails')) throw new Error('no owner'); } })";
    const url = await start(t, name, code.replace('createTaskManager()', fails));
    const answer = await fetch(`${url}?fails`, { signal: AbortSignal.timeout(5_000) }).catch((error) => error);
    assert.ok(answer.status === 500 || answer.name === 'TypeError', String(answer));
    assert.equal((await fetch(url)).status, 200);
  });
}

test('a Koa route of its own answers refusals with the status, headers and text of the error', async () => {
  const { createTaskManager } = await import(library);
  const tasks = createTaskManager();
  const app = new Koa();
  app.silent = true;
  app.use(async (ctx) => {
    const stream = await tasks.executeWithSSE(ctx.req, undefined, undefined, () => 1);
    ctx.respond = false;
    await stream.pipe(ctx.res);
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}/?resume_key=no`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  assert.deepEqual([answer.status, answer.headers.get('cache-control')], [400, 'no-store']);
  assert.match(await answer.text(), /resume.key/i); // the message, and not the name of the status
  server.close();
});

const idsIn = (text) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);

async function start(t, name, code) {
  const port = await freePort();
  const file = new URL(`./recipe-${name.replace(':', '-')}.tmp.mjs`, import.meta.url);
  writeFileSync(file, code.replace("'resumable-sse'", JSON.stringify(library)));
  const child = spawn(process.execPath, [file.pathname], {
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  t.after(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    rmSync(file);
  });
  const url = `http://127.0.0.1:${port}/report`;
  for (;;) {
    assert.equal(child.exitCode, null, `${name} has exited`);
    const answer = await fetch(url, { method: 'OPTIONS' }).catch(() => undefined);
    if (answer !== undefined) return url;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
