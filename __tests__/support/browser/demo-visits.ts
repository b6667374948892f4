import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { startExample, type ExampleServer } from '../servers/example-server.js';

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1_440, height: 900 } };
export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

export interface DemoVisits {
  /** The server of the demo; it is there once the tests run. */
  readonly demo: () => ExampleServer;
  /** Opens the demo, or another URL, in a context of its own, which is closed after the test. */
  readonly visit: (options?: BrowserContextOptions, url?: string) => Promise<Page>;
}

/** Starts the demo for the tests of a suite. A test fails if one of its pages has reported an error. */
export function useDemo(browser: () => Browser): DemoVisits {
  let demo: ExampleServer;
  const contexts: BrowserContext[] = [];
  const errors: string[] = [];
  beforeAll(async () => {
    demo = await startExample('demo');
  });
  afterAll(() => demo.stop());
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    expect(errors.splice(0)).toEqual([]);
  });
  return {
    demo: () => demo,
    visit: async (options = {}, url = demo.url) => {
      const context = await browser().newContext(options);
      contexts.push(context);
      const page = await context.newPage();
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(url);
      return page;
    },
  };
}
