import { buildSync } from 'esbuild';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import type { StreamTaskOptions, TaskConnection, TaskStorage } from '../../../lib/client/index.js';
import { createTaskManager, type TaskManager } from '../../../lib/index.js';
import { startCutProxy, type CutProxy, type Plan } from '../http/cut-proxy.js';
import { listen } from '../http/raw-http.js';

export const EVENTS = 1_000;
export const PROGRESS = Array.from({ length: EVENTS }, (_, at) => at + 1);
/** How many events there are before the job waits. */
export const HALF = EVENTS / 2 - 1;
export const RESULT = { result: { steps: EVENTS } };

const bundle = (options: object): string =>
  buildSync({
    ...{ bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', tsconfigRaw: {} },
    ...options,
  }).outputFiles[0]!.text;

/** The same file as dist/client.min.js, of the sources as they are. */
const clientScript = bundle({ entryPoints: ['lib/client/index.ts'] });

/** The hook with React as a page would bundle it, in development mode, in which StrictMode mounts twice. */
export const bundleHook = (): string =>
  bundle({
    stdin: {
      contents: `export * from './lib/react/index.ts'; export { createElement, StrictMode } from 'react'; export { createRoot } from 'react-dom/client';`,
      resolveDir: '.',
    },
    define: { 'process.env.NODE_ENV': '"development"' },
  });

const pageOf = (script: string): string => `<!doctype html><title>client</title><a href="/away">away</a>
<div id="root"></div><script type="module">import * as client from '${script}'; globalThis.client = client;</script>`;

export interface Site {
  /** Where pages are, behind the proxy: `/` has the client, `/hook` the hook and React. */
  readonly url: string;
  readonly proxy: CutProxy;
  /** How many tasks were started. */
  readonly starts: () => number;
  /** How many streams are open now. */
  readonly streams: () => number;
  readonly paths: readonly string[];
  /** Lets the jobs go on that wait at their middle. */
  readonly release: () => void;
  /** As after a crash: connections are cut, and a new process knows no task. */
  readonly restart: () => void;
  readonly close: () => Promise<void>;
}

export interface SiteOptions {
  readonly plan?: Plan;
  readonly allowedOrigins?: readonly string[];
  /** Files of this test, by path. */
  readonly scripts?: Readonly<Record<string, string>>;
}

/** `/report` counts to EVENTS, and waits in the middle where the query says `?pause`. */
export async function startSite(options: SiteOptions = {}): Promise<Site> {
  const { plan, allowedOrigins = [], scripts = {} } = options;
  let starts = 0;
  let streams = 0;
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  const paths: string[] = [];
  const managers: TaskManager[] = [];
  const files: Record<string, string> = { '/client.js': clientScript, ...scripts };

  const startProcess = (): express.Express => {
    const tasks = createTaskManager({ retryMs: 20, allowedOrigins, publicPath: '/tasks' });
    managers.push(tasks);
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
    app.use((req, res, next) => {
      paths.push(`${req.method} ${req.url}`);
      if (/report|events/.test(req.path)) {
        streams++;
        res.on('close', () => streams--);
      }
      next();
    });
    for (const [path, script] of Object.entries(files)) {
      app.get(path, (_req, res) => {
        res.type('js').send(script);
      });
    }
    app.get('/', (_req, res) => {
      res.type('html').send(pageOf('/client.js'));
    });
    app.get('/hook', (_req, res) => {
      res.type('html').send(pageOf('/hook.js'));
    });
    app.get('/away', (_req, res) => {
      res.type('html').send('<!doctype html><title>away</title>');
    });
    app.all('/report', report);
    app.use('/tasks', tasks.router());
    return app;
  };

  let app = startProcess();
  const server = await listen((req, res) => void app(req, res));
  const proxy = await startCutProxy({ upstreamPort: server.port, ...(plan ? { plan } : {}) });
  return {
    url: proxy.url,
    proxy,
    paths,
    release,
    starts: () => starts,
    streams: () => streams,
    restart() {
      app = startProcess();
      proxy.cutAll();
    },
    async close() {
      release();
      await proxy.close();
      await server.close();
      for (const tasks of managers) await tasks.stop();
    },
  };
}

/** A page that is open on a site. */
export interface Visit {
  readonly site: Site;
  readonly page: Page;
}

export interface SiteVisits {
  /** Opens a path of a site of its own, in a browser context of its own. */
  readonly visit: (options?: SiteOptions, path?: string) => Promise<Visit>;
  /** What else is to be closed after the test, the latest first. */
  readonly closing: (() => Promise<void>)[];
}

/** Closes sites and contexts after the test that has opened them. */
export function useSiteVisits(browser: () => Browser): SiteVisits {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  return {
    closing,
    visit: async (options = {}, path = '/') => {
      const site = await startSite(options);
      const context = await browser().newContext();
      closing.push(site.close, () => context.close());
      const page = await context.newPage();
      await page.goto(`${site.url}${path}`);
      return { site, page };
    },
  };
}

interface Following {
  url?: string;
  init?: StreamTaskOptions;
  /** With this storage of the page; `true` stands for its sessionStorage. */
  storage?: boolean | 'localStorage';
}

/** What a page keeps of a stream. */
export interface PageState {
  client: typeof import('../../../lib/client/index.js');
  sessionStorage: TaskStorage;
  localStorage: TaskStorage;
  steps: number[];
  states: string[];
  causes: (string | undefined)[];
  connection: TaskConnection;
  ended: Promise<unknown>;
}

/** In the page: opens the client and keeps what it hears. */
export async function follow(page: Page, following: Following = {}): Promise<void> {
  await page.waitForFunction('globalThis.client', undefined, { polling: 20 });
  await page.evaluate(({ url = '/report', init = {}, storage = false }) => {
    const state = globalThis as unknown as PageState;
    state.steps = [];
    state.states = [];
    state.causes = [];
    state.connection = state.client.streamTask<{ step: number }>(url, {
      ...(init as StreamTaskOptions<{ step: number }>),
      ...(storage ? { storage: storage === true ? state.sessionStorage : state.localStorage } : {}),
      onProgress: ({ step }) => state.steps.push(step),
      onStateChange(now, { cause }) {
        state.states.push(now);
        state.causes.push((cause as { code?: string } | undefined)?.code);
      },
    });
    state.ended = state.connection.result.then(
      (result) => ({ result }),
      (error: unknown) => ({ code: (error as { code: string }).code }),
    );
  }, following);
}

export const steps = (page: Page): Promise<number[]> => page.evaluate('steps');
export const ended = (page: Page): Promise<unknown> => page.evaluate('ended');
export const reached = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`globalThis.steps && steps.length >= ${count}`, undefined, { polling: 20 });
/** Resolves once the client has told this state. */
export const told = (page: Page, state: string): Promise<unknown> =>
  page.waitForFunction(`states.includes('${state}')`, undefined, { polling: 20 });

/** Follows a task that waits in its middle, until the page has had all before that. */
export async function followToHalf(page: Page, following: Following = {}): Promise<void> {
  await follow(page, { url: '/report?pause', ...following });
  await reached(page, HALF);
}

/** Expects that the page gets the result and has had every step once, and that the site has started so many tasks. */
export async function expectAllOnce({ site, page }: Visit, starts = 1): Promise<void> {
  expect(await ended(page)).toEqual(RESULT);
  expect(await steps(page)).toEqual(PROGRESS);
  expect(site.starts()).toBe(starts);
}
