import { chromium, type Browser } from 'playwright-core';
import { describeWith } from './describe-with.js';
import { findProgram } from './find-program.js';

/** What `CHROMIUM` names, else the first on the PATH. */
const executablePath = process.env.CHROMIUM ?? findProgram('chromium', 'chromium-browser', 'google-chrome');
const describeWithBrowser = describeWith(
  executablePath !== undefined,
  'a browser (chromium, or one that CHROMIUM names)',
);

/** For tests in a browser, which they share. */
export function describeInBrowser(name: string, suite: (browser: () => Browser) => void): void {
  describeWithBrowser(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      const flags = ['quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`);
      browser = await chromium.launch({
        ...(executablePath !== undefined && { executablePath }),
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', ...flags],
        // Playwright switches the back/forward cache off.
        ignoreDefaultArgs: ['--disable-back-forward-cache'],
      });
    }, 60_000);
    afterAll(() => browser?.close());
    suite(() => {
      if (browser === undefined) throw new Error('the browser did not start');
      return browser;
    });
  });
}
