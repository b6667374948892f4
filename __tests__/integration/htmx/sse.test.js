// htmx's sse extension, unmodified, in Chromium, as docs/CLIENT.md tells to use it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { chromium } from 'playwright-core';
import { createTaskManager } from '../../../dist/esm/index.js';
import { startCutProxy } from '../support/cut-proxy.js';
import { createRandom } from '../support/random.js';

const EVENTS = 200;
const random = createRandom();
console.log(`SEED=${random.seed}`);

const file = (path) => readFileSync(fileURLToPath(new URL(`node_modules/${path}`, import.meta.url)), 'utf8');
const scripts = { '/htmx.js': file('htmx.org/dist/htmx.js'), '/sse.js': file('htmx-ext-sse/sse.js') };

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'],
});
after(() => browser.close());

/** The page of docs/CLIENT.md, with a list to which every step is added. */
const pageOf = (attributes) => `<!doctype html><title>htmx</title>
<script src="/htmx.js"></script><script src="/sse.js"></script>
<script>
  globalThis.sources = [];
  globalThis.closings = 0;
  htmx.createEventSource = (url) => {
    sources.push(new EventSource(url));
    return sources.at(-1);
  };
  document.addEventListener('htmx:sseClose', () => closings++);
</script>
<main hx-ext="sse" ${attributes}><ol sse-swap="message" hx-swap="beforeend"></ol></main>`;

async function visit(t, attributes, { cuts = false } = {}) {
  const tasks = createTaskManager({ retryMs: 20 });
  let starts = 0;
  const requests = [];
  const app = express();
  app.use((req, res, next) => {
    if (req.path !== '/report') res.set('Connection', 'close'); // so that connections can be counted
    next();
  });
  for (const [path, script] of Object.entries(scripts)) app.get(path, (_req, res) => void res.type('js').send(script));
  app.get('/', (_req, res) => void res.type('html').send(pageOf(attributes)));
  app.get(
    '/report',
    (req, _res, next) => {
      requests.push(req.url);
      next();
    },
    tasks.handler(async ({ updateProgress }) => {
      starts++;
      for (let step = 1; step <= EVENTS; step++) {
        await updateProgress(step);
        if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let connections = 0;
  // The page and its scripts come whole; after that every stream is cut after some events.
  const proxy = await startCutProxy(server.address().port, () =>
    cuts && ++connections > 3 ? { after: random.int(900, 4_000), kind: random.pick(['rst', 'fin']) } : undefined,
  );
  const context = await browser.newContext();
  t.after(async () => {
    await context.close();
    await proxy.close();
    server.closeAllConnections();
    server.close();
    await tasks.stop();
  });
  const page = await context.newPage();
  await page.goto(proxy.url);
  return { page, starts: () => starts, requests, proxy };
}

const NUMBERS = Array.from({ length: EVENTS }, (_, at) => at + 1).join('');

test('with a key in its URL and sse-close it shows each step once over cuts, and asks no more after the end', async (t) => {
  const attributes = 'sse-connect="/report?idempotency_key=7f3a" sse-close="complete"';
  const { page, starts, proxy } = await visit(t, attributes, { cuts: true });
  await page.waitForFunction('closings === 1', undefined, { polling: 20 });
  assert.equal(await page.textContent('ol'), NUMBERS);
  assert.equal(starts(), 1);
  assert.ok(proxy.cuts >= 2, `${proxy.cuts} cuts`);
  // One source from the beginning to the end, and it is closed for good: nothing is left that could ask again.
  assert.deepEqual(await page.evaluate('sources.map(({ readyState }) => readyState)'), [2]);
});

test('without sse-close it asks again and again after the end, but the key starts no second job', async (t) => {
  const { page, starts, requests } = await visit(t, 'sse-connect="/report?idempotency_key=7f3a"');
  await page.waitForFunction('sources.length >= 3', undefined, {
    polling: 20,
    timeout: 30_000,
  });
  assert.ok(requests.length >= 2); // each source asks at least once
  assert.equal(starts(), 1);
});

test('without a key every connection after the end starts the job again: what the documentation warns of', async (t) => {
  const { page, starts } = await visit(t, 'sse-connect="/report"');
  await page.waitForFunction('sources.length >= 3', undefined, {
    polling: 20,
    timeout: 30_000,
  });
  assert.ok(starts() >= 2);
});
