import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { describeInBrowser } from '../support/browser/browser.js';
import {
  ended,
  expectAllOnce,
  follow,
  followToHalf,
  PROGRESS,
  RESULT,
  steps,
  told,
  useSiteVisits,
} from '../support/browser/client-site.js';
import { until } from '../support/clock/until.js';

jest.setTimeout(120_000);

/** A service worker as pages install it to work offline: what it cannot fetch is a page with status 200. */
const SERVICE_WORKER = `
  let isOffline = false;
  const offlinePage = () => new Response('<h1>You are offline</h1>', { headers: { 'Content-Type': 'text/html' } });
  self.addEventListener('install', () => self.skipWaiting());
  self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener('message', ({ data, source }) => {
    isOffline = data === 'offline';
    source.postMessage(data);
  });
  self.addEventListener('fetch', (event) => {
    event.respondWith(isOffline ? offlinePage() : fetch(event.request).catch(offlinePage));
  });
`;

/**
 * Stops the processes that run pages, as a machine does that sleeps, or a phone whose browser is in the background: no
 * timer and no callback runs. (A lifecycle state of DevTools would freeze hidden tabs alone, and no tab is hidden here.)
 */
async function suspend(browser: Browser): Promise<() => Promise<void>> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  const isStopped = (pid: number): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] === 'T';
  await until(() => pids.every(isStopped));
  expect(pids.length).toBeGreaterThan(0);
  return async () => {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await devtools.detach().catch(() => undefined); // which it is when this is called again
  };
}

describeInBrowser('a page in Chromium that follows a task', (browser) => {
  const { visit, closing } = useSiteVisits(browser);

  it('goes on where it was when it comes back from the back/forward cache', async () => {
    const { site, page } = await visit();
    await followToHalf(page);
    await page.evaluate(() => {
      const w = globalThis as unknown as Record<string, unknown> & EventTarget;
      w.addEventListener('pageshow', (event) => (w.persisted = (event as Event & { persisted: boolean }).persisted));
    });
    await page.click('a');
    await page.waitForURL('**/away');
    site.release(); // the rest happens while the page is away
    await page.goBack({ waitUntil: 'commit' });
    await page.waitForFunction('globalThis.persisted === true', undefined, { polling: 20 });
    await expectAllOnce({ site, page });
  });

  it('catches up as soon as it is online again', async () => {
    const { site, page } = await visit();
    await followToHalf(page);
    await page.context().setOffline(true);
    site.proxy.cutAll();
    await told(page, 'waiting');
    site.release();
    await page.context().setOffline(false);
    await expectAllOnce({ site, page });
  });

  it.each([2, 5])('follows a task of its own in each of %i tabs that have a storage of their own', async (tabs) => {
    const { site, page } = await visit();
    const pages = [page];
    while (pages.length < tabs) pages.push(await page.context().newPage());
    for (const tab of pages) {
      if (tab !== page) await tab.goto(site.url);
      await followToHalf(tab, { storage: true });
    }
    site.release();
    for (const tab of pages) {
      expect(await ended(tab)).toEqual(RESULT);
      expect(await steps(tab)).toEqual(PROGRESS);
    }
    expect(site.starts()).toBe(tabs);
  });

  it.each([2, 5])(
    'follows one and the same task, from its first event, in each of %i tabs that share a storage',
    async (tabs) => {
      const { site, page } = await visit();
      const pages = [page];
      while (pages.length < tabs) pages.push(await page.context().newPage());
      for (const tab of pages) {
        if (tab !== page) await tab.goto(site.url);
        await followToHalf(tab, { storage: 'localStorage' });
      }
      site.proxy.cutAll();
      site.release();
      for (const tab of pages) {
        expect(await ended(tab)).toEqual(RESULT);
        expect(await steps(tab)).toEqual(PROGRESS);
      }
      expect(site.starts()).toBe(1);
      expect(await page.evaluate('localStorage.length')).toBe(0);
    },
  );

  it('goes on where it was when its tab was suspended while the connection was lost', async () => {
    const { site, page } = await visit();
    await followToHalf(page);
    const wake = await suspend(browser());
    closing.push(wake); // a stopped process would not close
    site.proxy.cutAll();
    await until(() => site.streams() === 0);
    site.release();
    await wake();
    await expectAllOnce({ site, page });
  });

  it('gets the whole rest when its tab was suspended while the task went on to its end', async () => {
    const { site, page } = await visit();
    await followToHalf(page);
    const wake = await suspend(browser());
    closing.push(wake); // a stopped process would not close
    site.release();
    await until(() => site.streams() === 0); // the server has written all of it
    await wake();
    await expectAllOnce({ site, page });
  });

  it('keeps its stream although a service worker answers 200 with an offline page', async () => {
    const { site, page } = await visit({ scripts: { '/service-worker.js': SERVICE_WORKER } });
    await page.evaluate(`(async () => {
      const worker = navigator.serviceWorker;
      const controlled = new Promise((resolve) => worker.addEventListener('controllerchange', resolve));
      await worker.register('/service-worker.js');
      if (!worker.controller) await controlled;
      globalThis.tell = (mode) => new Promise((resolve) => {
        worker.addEventListener('message', resolve, { once: true });
        worker.controller.postMessage(mode);
      });
    })()`);
    await followToHalf(page, { storage: true });
    const stored = await page.evaluate('JSON.stringify(sessionStorage)');
    await page.evaluate("tell('offline').then(() => undefined)");
    const asked = site.paths.length;
    site.proxy.cutAll();
    // The cut, then the offline page, more than once.
    await page.waitForFunction("causes.filter((code) => code === 'HTTP_200').length >= 2", undefined, { polling: 20 });
    expect(await page.evaluate('connection.state')).not.toBe('closed');
    expect(await page.evaluate('JSON.stringify(sessionStorage)')).toBe(stored);
    expect(site.paths).toHaveLength(asked);
    site.release();
    await page.evaluate("tell('online').then(() => undefined)");
    await expectAllOnce({ site, page });
  });

  it('is told before anything starts that its fetch has no streams, as on React Native', async () => {
    const { site, page } = await visit();
    await page.evaluate(`{
      globalThis.bodyOf = Object.getOwnPropertyDescriptor(Response.prototype, 'body').get;
      delete Response.prototype.body;
    }`);
    await follow(page);
    expect(await ended(page)).toEqual({ code: 'NO_STREAM' });
    expect(site.starts()).toBe(0);
    // What to pass is a function like expo/fetch: it takes a URL and no Request, and its answers are no Response.
    await page.evaluate(`{
      globalThis.expoFetch = async (url, init) => {
        if (typeof url !== 'string') throw new TypeError('Network request failed');
        const response = await fetch(url, init);
        const { ok, status, headers } = response;
        return { ok, status, headers, url, body: bodyOf.call(response), text: () => response.text() };
      };
      const { result } = client.streamTask('/report', { fetch: expoFetch, onProgress: ({ step }) => steps.push(step) });
      ended = result.then((result) => ({ result }), ({ code }) => ({ code }));
    }`);
    await expectAllOnce({ site, page });
  });
});
