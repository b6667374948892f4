import { buildSync } from 'esbuild';
import express from 'express';
import type { Page } from 'playwright-core';
import type { StreamTaskOptions, TaskConnection, TaskStorage } from '../../lib/client/index.js';
import { createTaskManager } from '../../lib/index.js';
import { describeInBrowser } from '../support/browser.js';
import { startCutProxy, type CutProxy, type Plan } from '../support/cut-proxy.js';
import { listen } from '../support/raw-http.js';

const EVENTS = 1_000;
const PROGRESS = Array.from({ length: EVENTS }, (_, at) => at + 1);

jest.setTimeout(60_000);

/** The same file as dist/client.min.js, of the sources as they are. */
const script = buildSync({
  ...{ entryPoints: ['lib/client/index.ts'], bundle: true, minify: true, write: false },
  ...{ format: 'esm', target: 'es2022', tsconfigRaw: {} },
}).outputFiles[0]!.text;

const PAGE = `<!doctype html><title>client</title><a href="/away">away</a>
<script type="module">import * as client from '/client.js'; globalThis.client = client;</script>`;

interface Site {
  /** Where pages are, behind the proxy. */
  readonly url: string;
  readonly proxy: CutProxy;
  /** How many tasks were started. */
  readonly starts: () => number;
  readonly paths: readonly string[];
  /** Lets the jobs go on that wait at their middle. */
  readonly release: () => void;
  readonly close: () => Promise<void>;
}

/** `/report` counts to EVENTS, and waits in the middle where the query says `?pause`. */
async function startSite(plan?: Plan, allowedOrigins: readonly string[] = []): Promise<Site> {
  let starts = 0;
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const paths: string[] = [];
  const tasks = createTaskManager({ retryMs: 20, allowedOrigins, tasksPath: '/tasks' });
  const report = tasks.handler(async ({ updateProgress, input, signal }) => {
    starts++;
    const { query } = input as { query: Record<string, unknown> };
    for (const step of PROGRESS) {
      if (step === EVENTS / 2 && 'pause' in query) await released;
      if (signal.aborted) return undefined;
      await updateProgress({ step, padding: '.'.repeat(60) });
      if (step % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return { steps: EVENTS };
  });
  const app = express();
  app.use((req, _res, next) => {
    paths.push(`${req.method} ${req.url}`);
    next();
  });
  app.get('/', (_req, res) => {
    res.type('html').send(PAGE);
  });
  app.get('/away', (_req, res) => {
    res.type('html').send('<!doctype html><title>away</title>');
  });
  app.get('/client.js', (_req, res) => {
    res.type('js').send(script);
  });
  app.all('/report', report);
  app.use('/tasks', tasks.router());
  const server = await listen(app);
  const proxy = await startCutProxy({ upstreamPort: server.port, ...(plan ? { plan } : {}) });
  return {
    url: proxy.url,
    proxy,
    paths,
    starts: () => starts,
    release,
    async close() {
      release();
      await proxy.close();
      await server.close();
      await tasks.stop();
    },
  };
}

interface Following {
  url?: string;
  init?: StreamTaskOptions;
  /** With the page's sessionStorage. */
  storage?: boolean;
}

/** What a page keeps of a stream. */
interface PageState {
  client: typeof import('../../lib/client/index.js');
  sessionStorage: TaskStorage;
  steps: number[];
  states: string[];
  connection: TaskConnection;
  ended: Promise<unknown>;
}

/** In the page: opens the client and keeps what it hears. */
async function follow(page: Page, following: Following = {}): Promise<void> {
  await page.waitForFunction('globalThis.client', undefined, { polling: 20 });
  await page.evaluate(({ url = '/report', init = {}, storage = false }) => {
    const state = globalThis as unknown as PageState;
    state.steps = [];
    state.states = [];
    state.connection = state.client.streamTask<{ step: number }>(url, {
      ...(init as StreamTaskOptions<{ step: number }>),
      ...(storage ? { storage: state.sessionStorage } : {}),
      onProgress: ({ step }) => state.steps.push(step),
      onStateChange: (now) => state.states.push(now),
    });
    state.ended = state.connection.result.then(
      (result) => ({ result }),
      (error: unknown) => ({ code: (error as { code: string }).code }),
    );
  }, following);
}

const steps = (page: Page): Promise<number[]> => page.evaluate('steps');
const ended = (page: Page): Promise<unknown> => page.evaluate('ended');
const reached = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`globalThis.steps && steps.length >= ${count}`, undefined, { polling: 20 });

describeInBrowser('in Chromium', (browser) => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function visit(options: { plan?: Plan } = {}): Promise<{ site: Site; page: Page }> {
    const site = await startSite(options.plan);
    const context = await browser().newContext();
    closing.push(site.close, () => context.close());
    const page = await context.newPage();
    await page.goto(site.url);
    return { site, page };
  }

  /** The first two connections bring the page and the script; then every stream breaks after a few kilobytes. */
  const cutting: Plan = (connection) => ({
    after: connection <= 2 ? 24_000 : 4_000 + 700 * (connection % 7),
    kind: connection % 2 === 0 ? 'rst' : 'fin',
    ...(connection % 3 === 0 ? { chunkBytes: 301 } : {}),
  });

  it.each(['GET', 'POST'])('the client gets every event once through cuts, started by %s', async (method) => {
    const { site, page } = await visit({ plan: cutting });
    await follow(page, { init: { method } });
    expect(await ended(page)).toEqual({ result: { steps: EVENTS } });
    expect(await steps(page)).toEqual(PROGRESS);
    expect(site.starts()).toBe(1);
    expect(site.proxy.cuts).toBeGreaterThan(5);
    expect(await page.evaluate('states.at(-1)')).toBe('closed');
  });

  it('a native EventSource gets every event once through cuts, and stops at the end', async () => {
    const { site, page } = await visit({ plan: cutting });
    await page.evaluate(() => {
      const w = globalThis as unknown as Record<string, unknown> & { steps: number[]; EventSource: typeof EventSource };
      w.steps = [];
      // The key is for a first response that is cut before its first id.
      const source = new w.EventSource('/report?idempotency_key=native');
      source.onmessage = ({ data }) => w.steps.push((JSON.parse(String(data)) as { step: number }).step);
      w.ended = new Promise((resolve) => {
        source.onerror = () => {
          if (source.readyState === source.CLOSED) resolve('closed by the server');
        };
      });
    });
    expect(await ended(page)).toBe('closed by the server');
    expect(await steps(page)).toEqual(PROGRESS);
    expect(site.starts()).toBe(1);
    expect(site.proxy.cuts).toBeGreaterThan(5);
  });

  it.each([true, false])('a page of another origin, allow-listed: %s', async (allowed) => {
    const { site, page } = await visit();
    const other = await startSite(cutting, allowed ? [site.url] : []);
    closing.push(other.close);
    await follow(page, {
      url: `${other.url}/report`,
      init: { maxRetries: allowed ? 50 : 2, headers: { Authorization: 'Bearer 1' } },
    });
    expect(await ended(page)).toEqual(allowed ? { result: { steps: EVENTS } } : { code: 'GAVE_UP' });
    expect(await steps(page)).toEqual(allowed ? PROGRESS : []);
    expect(other.starts()).toBe(allowed ? 1 : 0);
    // One preflight for the start, which the resumes share, since their URL is the same.
    const asked = other.paths.filter((path) => path.startsWith('GET')).length;
    const preflights = other.paths.filter((path) => path.startsWith('OPTIONS')).length;
    if (allowed) expect([asked > 5, preflights <= 2]).toEqual([true, true]);
  });

  it('a reloaded page finds its task in sessionStorage and has all of it again', async () => {
    const { site, page } = await visit();
    await follow(page, { url: '/report?pause', init: { method: 'POST', body: 'x' }, storage: true });
    await reached(page, EVENTS / 2 - 1);
    await page.reload();
    await follow(page, { url: '/report?pause', init: { method: 'POST', body: 'x' }, storage: true });
    await reached(page, EVENTS / 2 - 1);
    site.release();
    expect(await ended(page)).toEqual({ result: { steps: EVENTS } });
    expect(await steps(page)).toEqual(PROGRESS);
    expect(site.starts()).toBe(1);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it('a page that comes back from the back/forward cache goes on where it was', async () => {
    const { site, page } = await visit();
    await follow(page, { url: '/report?pause' });
    await reached(page, EVENTS / 2 - 1);
    await page.evaluate(() => {
      const w = globalThis as unknown as Record<string, unknown> & EventTarget;
      w.addEventListener('pageshow', (event) => (w.persisted = (event as Event & { persisted: boolean }).persisted));
    });
    await page.click('a');
    await page.waitForURL('**/away');
    site.release(); // the rest happens while the page is away
    await page.goBack({ waitUntil: 'commit' });
    await page.waitForFunction('globalThis.persisted === true', undefined, { polling: 20 });
    expect(await ended(page)).toEqual({ result: { steps: EVENTS } });
    expect(await steps(page)).toEqual(PROGRESS);
    expect(site.starts()).toBe(1);
  });

  it('a page that was offline catches up as soon as it is online', async () => {
    const { site, page } = await visit();
    await follow(page, { url: '/report?pause' });
    await reached(page, EVENTS / 2 - 1);
    await page.context().setOffline(true);
    site.proxy.cutAll();
    await page.waitForFunction("states.includes('waiting')", undefined, { polling: 20 });
    site.release();
    await page.context().setOffline(false);
    expect(await ended(page)).toEqual({ result: { steps: EVENTS } });
    expect(await steps(page)).toEqual(PROGRESS);
    expect(site.starts()).toBe(1);
  });

  it('cancel() ends the task', async () => {
    const { page } = await visit();
    await follow(page, { url: '/report?pause' });
    await reached(page, EVENTS / 2 - 1);
    await page.evaluate('connection.cancel()');
    expect(await ended(page)).toEqual({ code: 'TASK_CANCELLED' });
  });

  it('six streams of HTTP/1.1 are all that one origin gets: the next request waits for one to close', async () => {
    const { site, page } = await visit();
    for (let stream = 1; stream <= 6; stream++) {
      await follow(page, { url: `/report?pause&stream=${stream}` });
      await reached(page, EVENTS / 2 - 1);
    }
    await page.evaluate("globalThis.probe = fetch('/away?probe').then(({ status }) => status); undefined");
    // Time in which a request that may go out would have arrived many times over.
    await page.evaluate(async () => {
      const { requestAnimationFrame: frame } = globalThis as unknown as {
        requestAnimationFrame: (fn: () => void) => void;
      };
      for (let count = 0; count < 30; count++) await new Promise<void>((resolve) => frame(resolve));
    });
    expect(site.paths.filter((path) => path.includes('probe'))).toEqual([]);
    await page.evaluate('connection.close()');
    expect(await page.evaluate('probe')).toBe(200);
  });
});
