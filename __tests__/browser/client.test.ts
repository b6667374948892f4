import { describeInBrowser } from '../support/browser/browser.js';
import {
  ended,
  EVENTS,
  expectAllOnce,
  follow,
  followToHalf,
  HALF,
  PROGRESS,
  reached,
  startSite,
  steps,
  useSiteVisits,
} from '../support/browser/client-site.js';
import type { Plan } from '../support/http/cut-proxy.js';

jest.setTimeout(120_000);

describeInBrowser('the client in Chromium', (browser) => {
  const { visit, closing } = useSiteVisits(browser);

  /** The first two connections bring the page and the script; then every stream breaks after a few kilobytes. */
  const cutting: Plan = (connection) => ({
    after: connection <= 2 ? 24_000 : 4_000 + 700 * (connection % 7),
    kind: connection % 2 === 0 ? 'rst' : 'fin',
    ...(connection % 3 === 0 ? { chunkBytes: 301 } : {}),
  });

  it.each(['GET', 'POST'])('gets every event once through cuts, started by %s', async (method) => {
    const { site, page } = await visit({ plan: cutting });
    await follow(page, { init: { method } });
    await expectAllOnce({ site, page });
    expect(site.proxy.cuts).toBeGreaterThan(5);
    expect(await page.evaluate('states.at(-1)')).toBe('closed');
  });

  it('lets a native EventSource get every event once through cuts, and stop at the end', async () => {
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

  it.each([true, false])('serves a page of another origin only where that is on the list: %s', async (allowed) => {
    const { site, page } = await visit();
    const other = await startSite({ plan: cutting, allowedOrigins: allowed ? [site.url] : [] });
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

  it('ends the task by cancel()', async () => {
    const { page } = await visit();
    await followToHalf(page);
    await page.evaluate('connection.cancel()');
    expect(await ended(page)).toEqual({ code: 'TASK_CANCELLED' });
  });

  it('waits with a seventh stream of HTTP/1.1 to one origin until one of six is closed', async () => {
    const { site, page } = await visit();
    for (let stream = 1; stream <= 6; stream++) {
      await follow(page, { url: `/report?pause&stream=${stream}` });
      await reached(page, HALF);
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
