import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import express, { type Express } from 'express';
import type { Page } from 'playwright-core';
import { createHub, createTaskManager } from '../../lib/index.js';
import { describeInBrowser, PLAIN_HOST } from '../support/browser/browser.js';
import { Counter } from '../support/jobs/flow.js';
import { codeBlocks } from '../support/repository/markdown.js';
import { listen } from '../support/http/raw-http.js';

const ROOT = join(__dirname, '..', '..');
const STEPS = [1, 2, 3, 4, 5, 6];
const HALF = 3;

jest.setTimeout(120_000);

/** The samples of this kind, as scripts for a browser. */
function samplesOf(kind: string): [place: string, script: string][] {
  return ['README.md', 'docs/CLIENT.md', 'docs/HUB.md'].flatMap((page) =>
    codeBlocks(readFileSync(join(ROOT, page), 'utf8'))
      .filter(({ marker }) => marker === `in a browser: ${kind}`)
      .map(({ code, language, line }): [string, string] => [`${page}, line ${line}`, bundle(code, language)]),
  );
}

function bundle(contents: string, language: string): string {
  return buildSync({
    stdin: { contents, loader: language as 'ts', resolveDir: ROOT },
    alias: { 'resumable-sse/client': join(ROOT, 'lib', 'client', 'index.ts') },
    ...{ bundle: true, write: false, format: 'esm', target: 'es2022', tsconfigRaw: {} },
  }).outputFiles[0]!.text;
}

/** The site of an application: a page that runs the sample, another one, and what `mount` adds. */
async function startSite(script: string, mount: (app: Express) => void): Promise<Site> {
  const app = express();
  app.get('/', (_req, res) => {
    res.type('html').send('<!doctype html><title>sample</title><script type="module" src="/sample.js"></script>');
  });
  app.get('/away', (_req, res) => {
    res.type('html').send('<!doctype html><title>away</title>');
  });
  app.get('/sample.js', (_req, res) => {
    res.type('js').send(script);
  });
  mount(app);
  const server = await listen(app);
  return { url: `http://${PLAIN_HOST}:${server.port}`, close: () => server.close() };
}

interface Site {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** In each page, before its script: keeps what it logs. */
const KEEP_LOG = `globalThis.logged = []; console.log = (...args) => logged.push(JSON.stringify(args));`;

const until = (page: Page, condition: string): Promise<unknown> =>
  page.waitForFunction(condition, undefined, { polling: 20 });

/** The numbers that the page has logged, but those of the result. */
const stepsIn = async (page: Page): Promise<number[]> =>
  (await page.evaluate<string[]>('logged')).flatMap((line) => {
    const [, step] = /(\d)\D*$/.exec(line) ?? [];
    return step === undefined || line.includes('pages') ? [] : [Number(step)];
  });

describeInBrowser('the samples of the docs in Chromium, on plain http and another name than localhost', (browser) => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function visit(site: Site): Promise<Page> {
    const context = await browser().newContext();
    closing.push(site.close, () => context.close());
    const page = await context.newPage();
    await page.addInitScript(KEEP_LOG);
    await page.goto(site.url);
    expect(await page.evaluate('[isSecureContext, typeof crypto.randomUUID]')).toEqual([false, 'undefined']);
    return page;
  }

  const taskSamples = samplesOf('a task');
  const hubSamples = samplesOf('a hub');

  it('hold samples of both kinds', () => {
    expect([taskSamples.length, hubSamples.length]).toEqual([3, 2]);
  });

  it.each(taskSamples)('keep a task over reloads, a 503 and going back: the one in %s', async (place, script) => {
    let starts = 0;
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const refusals = new Counter();
    let refuses = false;
    const tasks = createTaskManager({ retryMs: 20 });
    closing.push(
      () => tasks.stop(),
      () => release(),
    );
    const report = tasks.handler(async ({ updateProgress }) => {
      starts++;
      for (const step of STEPS) {
        if (step > HALF) await released;
        await updateProgress({ step });
      }
      return { url: '/away', pages: 12 };
    });
    const site = await startSite(script, (app) => {
      const method = place.startsWith('README') ? 'get' : 'all'; // as the server beside it has it
      app[method]('/report', (req, res, next) => {
        if (!refuses) {
          report(req, res, next);
          return;
        }
        refuses = false;
        res.status(503).end();
        refusals.add(1);
      });
    });
    const page = await visit(site);
    const reachesHalf = (): Promise<unknown> => until(page, `globalThis.logged?.length >= ${HALF}`);

    await reachesHalf();
    for (let reload = 1; reload <= 5; reload++) {
      await page.reload();
      await reachesHalf();
      expect(await stepsIn(page)).toEqual(STEPS.slice(0, HALF));
    }
    refuses = true;
    await page.reload();
    await refusals.reached(1);
    await page.reload();
    await reachesHalf();
    await page.goto(`${site.url}/away`);
    await page.goBack({ waitUntil: 'commit' });
    await page.goForward({ waitUntil: 'commit' });
    await page.goBack({ waitUntil: 'commit' });
    await reachesHalf();

    release();
    await until(page, `location.pathname === '/away' || logged.some((line) => line.includes('pages'))`);
    const navigates = new URL(page.url()).pathname === '/away';
    if (!navigates) expect((await stepsIn(page)).slice(-STEPS.length)).toEqual(STEPS);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(starts).toBe(1);
  });

  it.each(hubSamples)(
    'receive what a hub sends while the page is reloaded or away: the one in %s',
    async (_place, script) => {
      const hub = createHub({ retryMs: 20 });
      closing.push(() => hub.stop());
      const connected = new Counter();
      hub.on('connect', () => connected.add(1));
      const site = await startSite(script, (app) => {
        app.use(
          '/hub',
          hub.router({ auth: (_req, _res, next) => next(), admin: (_req, res) => res.end(), userId: () => 'ann' }),
        );
      });
      const page = await visit(site);
      const say = (text: string): void => void hub.broadcast({ event: 'notice', data: { text } });
      const hears = (text: string): Promise<unknown> =>
        until(page, `globalThis.logged?.some((line) => line.includes('"${text}"'))`);

      await connected.reached(1);
      say('one');
      await hears('one');
      await page.reload();
      await connected.reached(2);
      say('two');
      await hears('two');
      await page.goto(`${site.url}/away`);
      say('three');
      await page.goBack({ waitUntil: 'commit' });
      await hears('three');
      say('four');
      await hears('four');
      const heard = (await page.evaluate<string[]>('logged')).map((line) => /one|two|three|four/.exec(line)?.[0]);
      expect(heard.slice(heard.indexOf('two'))).toEqual(['two', 'three', 'four']);
    },
  );
});
