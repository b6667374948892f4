import { chromium, type Browser } from 'playwright-core';
import { describeWith } from '../processes/describe-with.js';
import { findProgram } from '../processes/find-program.js';

/** What `CHROMIUM` names, else the first on the PATH. */
const executablePath = process.env.CHROMIUM ?? findProgram('chromium', 'chromium-browser', 'google-chrome');
/** A name that stands for this machine in the browser, and is no secure context as localhost is. */
export const PLAIN_HOST = 'app.test';

const HOSTS = `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`;

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
        args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', HOSTS, ...flags],
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
