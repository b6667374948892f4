import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** What `CHROMIUM` names, else the first on the PATH. */
export function findChromium(): string | undefined {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM !== undefined) return CHROMIUM;
  const candidates = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** `describe` where there is a browser; elsewhere the suite is skipped, says so, and fails in CI. */
export function describeInBrowser(name: string, suite: (browser: () => Browser) => void): void {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    if (process.env.CI === 'true') throw new Error('CI needs a browser: install chromium, or name one in CHROMIUM');
    process.stdout.write(`${name}: skipped, no chromium on the PATH and none named in CHROMIUM\n`);
    describe.skip(name, () => {
      it('needs chromium', () => undefined);
    });
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      const flags = ['quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`);
      browser = await chromium.launch({
        executablePath,
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
