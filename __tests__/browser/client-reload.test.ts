import type { Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser/browser.js';
import {
  bundleHook,
  ended,
  EVENTS,
  expectAllOnce,
  follow,
  followToHalf,
  HALF,
  RESULT,
  told,
  useSiteVisits,
} from '../support/browser/client-site.js';

jest.setTimeout(120_000);

const hook = bundleHook();

/** What the component below shows, as the page keeps it. */
interface View {
  status: string;
  progress?: { step: number };
  result?: unknown;
  error?: { code: string };
}

describeInBrowser('a page that is reloaded', (browser) => {
  const { visit: visitSite } = useSiteVisits(browser);
  const visit = (path?: string): ReturnType<typeof visitSite> => visitSite({ scripts: { '/hook.js': hook } }, path);

  it('shows its running task from the first event again, and starts nothing', async () => {
    const { site, page } = await visit();
    const request = { url: '/report?pause', init: { method: 'POST', body: 'x' }, storage: true };
    await followToHalf(page, request);
    await page.reload();
    await followToHalf(page, request);
    site.release();
    await expectAllOnce({ site, page });
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it('finds nothing after the end of its task in mode "resume", and starts nothing', async () => {
    const { site, page } = await visit();
    await follow(page, { storage: true });
    expect(await ended(page)).toEqual(RESULT);
    await page.reload();
    await follow(page, { storage: true, init: { mode: 'resume' } });
    expect(await ended(page)).toEqual({ code: 'NOTHING_STORED' });
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(site.starts()).toBe(1);
  });

  it('starts one task after the server was restarted without a store, and the page before it was told of the loss', async () => {
    const { site, page } = await visit();
    const request = { url: '/report?pause', storage: true };
    await followToHalf(page, request);
    site.restart();
    expect(await ended(page)).toEqual({ code: 'TASK_NOT_FOUND' });
    expect(await page.evaluate('[states.at(-1), causes.at(-1)]')).toEqual(['closed', 'TASK_NOT_FOUND']);
    site.release();
    await page.reload();
    await follow(page, request);
    await expectAllOnce({ site, page }, 2);
  });

  it('starts one task while the server is being restarted, although its storage names one that is gone', async () => {
    const { site, page } = await visit();
    const request = { url: '/report?pause', storage: true };
    await followToHalf(page, request);
    await page.evaluate('connection.close()'); // the page goes before it can hear that its task is gone
    site.restart();
    site.release();
    await page.reload();
    await follow(page, request);
    await expectAllOnce({ site, page }, 2);
    expect(await page.evaluate('states')).not.toContain('waiting');
  });

  it('comes back to its task when it is reloaded between two attempts', async () => {
    const { site, page } = await visit();
    const request = { url: '/report?pause', storage: true };
    await followToHalf(page, request);
    site.proxy.cutAll();
    await told(page, 'waiting');
    await page.reload();
    await follow(page, request);
    site.release();
    await expectAllOnce({ site, page });
  });

  describe('with the hook, in StrictMode', () => {
    const render = async (page: Page): Promise<void> => {
      await page.waitForFunction('globalThis.client', undefined, { polling: 20 });
      await page.evaluate(`{
        const { createElement, createRoot, StrictMode, useTask } = client;
        globalThis.renders = 0;
        globalThis.seen = [];
        const Report = () => {
          const { status, progress, result, error } = useTask('/report?pause', { storage: sessionStorage });
          globalThis.view = { status, progress, result, error: error && { code: error.code } };
          if (error) seen.push(error.code);
          renders++;
          return createElement('p', null, status);
        };
        createRoot(document.getElementById('root')).render(createElement(StrictMode, null, createElement(Report)));
      }`);
    };
    const view = (page: Page): Promise<View> => page.evaluate('view');
    const shows = (page: Page, condition: string): Promise<unknown> =>
      page.waitForFunction(`globalThis.view && (${condition})`, undefined, { polling: 20 });

    it('starts one task, shows it again after a reload, and shows its result after the end without a start', async () => {
      const { site, page } = await visit('/hook');
      await render(page);
      await shows(page, `view.progress?.step === ${HALF}`);
      expect(site.starts()).toBe(1);
      await page.reload();
      await render(page);
      await shows(page, `view.progress?.step === ${HALF}`);
      site.release();
      await shows(page, "view.status === 'completed'");
      expect(await view(page)).toMatchObject({ progress: { step: EVENTS }, ...RESULT });
      // A thousand events are a few renders.
      expect(await page.evaluate('renders')).toBeLessThan(300);
      const asked = site.paths.length;
      await page.reload();
      await render(page);
      await shows(page, "view.status === 'completed'");
      expect(await view(page)).toMatchObject({ progress: { step: EVENTS }, ...RESULT });
      expect(site.paths.slice(asked).filter((path) => !/ \/hook(\.js)?$|favicon/.test(path))).toEqual([]);
      expect(site.starts()).toBe(1);
    });

    it('starts once after the server was restarted without a store, and shows no error', async () => {
      const { site, page } = await visit('/hook');
      await render(page);
      await shows(page, `view.progress?.step === ${HALF}`);
      await page.goto(`${site.url}/away`);
      site.restart();
      site.release();
      await page.goto(`${site.url}/hook`);
      await render(page);
      await shows(page, "view.status === 'completed'");
      expect(await view(page)).toMatchObject(RESULT);
      expect(await page.evaluate('seen')).toEqual([]);
      expect(site.starts()).toBe(2);
    });

    it('shows what happened to an open page whose server was restarted without a store', async () => {
      const { site, page } = await visit('/hook');
      await render(page);
      await shows(page, `view.progress?.step === ${HALF}`);
      site.restart();
      await shows(page, "view.status === 'closed'");
      expect(await view(page)).toMatchObject({ error: { code: 'TASK_NOT_FOUND' } });
      expect(site.starts()).toBe(1);
    });
  });
});
