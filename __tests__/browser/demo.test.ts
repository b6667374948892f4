import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser.js';
import {
  bottomsOf,
  ended,
  expectExact,
  received,
  shoot,
  shown,
  startImport,
  type Elements,
} from '../support/demo-page.js';
import { serverOfSnippets } from '../support/demo-snippets.js';
import { startExample, type ExampleServer } from '../support/example-server.js';

const ROOT = join(__dirname, '../..');
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP: BrowserContextOptions = { viewport: { width: 1_440, height: 900 } };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

jest.setTimeout(90_000);

describeInBrowser('the demo page in Chromium', (browser) => {
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

  async function visit(options: BrowserContextOptions = {}, url = demo.url): Promise<Page> {
    const context = await browser().newContext(options);
    contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(url);
    return page;
  }

  it('an import that is cut again and again arrives whole', async () => {
    const page = await visit();
    await startImport(page, '1000');
    for (let cuts = 1; cuts <= 4; cuts++) {
      await page.getByRole('button', { name: 'Cut the connection' }).click();
      await page.waitForFunction(`document.querySelectorAll('.resumed').length === ${cuts}`);
    }
    await ended(page);
    const seen = await shown(page);
    expectExact(seen);
    expect(seen.tally.cuts).toBe(4);
  });

  /** Goes offline for ten seconds in the middle of an import, and takes the three screenshots. */
  async function goOffline(name: string, options: BrowserContextOptions): Promise<void> {
    const page = await visit(options);
    await startImport(page, '1000');
    await received(page, 20);
    await shoot(page, `${name}-running`);
    await page.getByRole('button', { name: 'Go offline for 10 s' }).click();
    await page.waitForFunction("document.getElementById('line').dataset.state === 'offline'");
    await page.waitForFunction("document.querySelectorAll('.resumed').length === 1");
    // What it has missed is there, and marked; the import may be over by now.
    await page.waitForFunction("document.querySelector('.connection:last-child .late')");
    await shoot(page, `${name}-resumed`);
    await ended(page);
    await shoot(page, `${name}-finished`);
    const seen = await shown(page);
    expectExact(seen);
    expect(seen.tally.cuts).toBe(1);
    expect(seen.late).toBeGreaterThan(0);
  }

  it('ten seconds offline are made good from the log, on a desktop, a phone, and in the dark', async () => {
    const looks = { desktop: DESKTOP, phone: PHONE, 'desktop-dark': { ...DESKTOP, colorScheme: 'dark' as const } };
    await Promise.all(Object.entries(looks).map(([name, options]) => goOffline(name, options)));
  });

  it.each([
    ['1440 × 900', DESKTOP],
    ['390 × 844', PHONE],
  ])('what happens and what breaks it stand together in the first screen: %s', async (_size, options) => {
    const page = await visit(options);
    const proof = ['#line', '#tally', '#cut', '#offline', '#reload', '#strip', '#start'];
    const height = options.viewport!.height;
    const check = async (): Promise<void> => {
      for (const [selector, bottom] of Object.entries(await bottomsOf(page, proof))) {
        expect([selector, bottom <= height]).toEqual([selector, true]);
      }
    };
    await startImport(page, '1000');
    await check();
    await page.getByRole('button', { name: 'Cut the connection' }).click();
    await page.waitForFunction("document.querySelectorAll('.resumed').length === 1");
    await check();
    expect(await page.getByRole('button', { name: 'Reload the page' }).isVisible()).toBe(true);
  });

  it('a page that is reloaded in the middle goes on, and one that is reloaded at the end still shows it', async () => {
    const page = await visit();
    await startImport(page);
    await page.reload();
    await received(page, 5);
    expect((await shown(page)).status).toBe('running');
    await ended(page);
    const seen = await shown(page);
    expectExact(seen);
    await page.reload();
    await ended(page);
    expectExact(await shown(page));
    expect((await shown(page)).cells).toEqual(seen.cells);
  });

  it('the tally and the cuts survive a reload, which is one of them', async () => {
    const page = await visit();
    await startImport(page, '1000');
    for (let cuts = 1; cuts <= 2; cuts++) {
      await received(page, cuts * 5);
      await page.getByRole('button', { name: 'Cut the connection' }).click();
      await page.waitForFunction(`document.querySelectorAll('.resumed').length === ${cuts}`);
    }
    await received(page, 15);
    await page.getByRole('button', { name: 'Reload the page' }).click();
    await page.waitForFunction("document.querySelectorAll('.strip .cut').length === 3");
    await received(page, 25);
    const marks = await page.locator('.strip .cut').allTextContents();
    expect(marks.map((text) => text.replace(/\d+/, 'n'))).toEqual([
      '✂ cut after event n',
      '✂ cut after event n',
      '⟳ page reloaded after event n',
    ]);
    await page.getByRole('button', { name: 'Cancel the import' }).click();
    await ended(page, 'cancelled');
    const seen = await shown(page);
    expect(seen.tally).toEqual({ received: seen.cells.length, lost: 0, doubled: 0, cuts: 3 });
    await page.reload();
    await ended(page, 'cancelled');
    expect((await shown(page)).tally).toEqual(seen.tally);
  });

  it('a second tab sees the same, and is not cut with the first', async () => {
    const page = await visit();
    await startImport(page, '1000');
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: 'Open a second tab' }).click();
    const second = await opened;
    await received(second, 5);
    await page.getByRole('button', { name: 'Cut the connection' }).click();
    await Promise.all([ended(page), ended(second)]);
    const [here, there] = [await shown(page), await shown(second)];
    expectExact(here);
    expectExact(there);
    expect([here.tally.cuts, there.tally.cuts, there.cells]).toEqual([1, 0, here.cells]);
  });

  it('an import that is cancelled says so, and stays so', async () => {
    const page = await visit();
    await startImport(page, '1000');
    await page.getByRole('button', { name: 'Cancel the import' }).click();
    await ended(page, 'cancelled');
    const seen = await shown(page);
    expect([seen.tally.lost, seen.tally.doubled, seen.cells.at(-1)]).toEqual([0, 0, seen.cells.length]);
    expect(await page.getByRole('button', { name: 'Cancel the import' }).isDisabled()).toBe(true);
    await page.reload();
    await ended(page, 'cancelled');
    expect((await shown(page)).cells).toEqual(seen.cells);
  });

  it('a page from the back/forward cache goes on where it was', async () => {
    const page = await visit();
    await startImport(page);
    await page.evaluate("addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted))");
    await page.goto(`${demo.url}/nowhere`);
    await page.goBack({ waitUntil: 'commit' });
    await page.waitForFunction('globalThis.persisted === true');
    await ended(page);
    expectExact(await shown(page));
  });

  /** Drops a file where files belong, and starts its import at full speed. */
  async function drop(page: Page, name: string, content: string): Promise<void> {
    await page.evaluate(
      ([fileName, text]) => {
        const w = globalThis as unknown as {
          DataTransfer: new () => { items: { add(file: unknown): void } };
          DragEvent: new (type: string, options: object) => unknown;
          File: new (parts: string[], name: string) => unknown;
          document: { getElementById(id: string): { dispatchEvent(event: unknown): void } };
        };
        const dataTransfer = new w.DataTransfer();
        dataTransfer.items.add(new w.File([text!], fileName!));
        w.document.getElementById('drop').dispatchEvent(new w.DragEvent('drop', { dataTransfer, cancelable: true }));
      },
      [name, content],
    );
    await page.getByLabel('at', { exact: true }).selectOption('');
    await page.getByRole('button', { name: `Import ${name}` }).click();
  }

  it('any table that is dropped is profiled, and a file that is none is refused in words', async () => {
    const page = await visit();
    await drop(page, 'people.csv', 'name;born;score\r\nAnn;1984-02-29;7,5\r\nBob;1990-12-31;8,25\r\nEve;2001\r\n');
    await ended(page);
    expect(await page.locator('#format').textContent()).toMatch(/^UTF-8 .* · semicolon · CRLF · header · 3 columns$/);
    expect(await page.locator('#columns tbody tr').allInnerTexts()).toEqual([
      expect.stringMatching(/^name\ttext\tall\t2/),
      expect.stringMatching(/^born\tdate\tall\t2\t1984-02-29\t1990-12-31/),
      expect.stringMatching(/^score\tnumber\tall\t2\t7.5\t8.25\t7.88/),
    ]);
    expect(await page.locator('#bad-list tr').allInnerTexts()).toEqual(['4\t3 fields expected, 2 found']);

    await drop(page, 'orders.json', '[{"id": 1}]');
    await ended(page, 'failed');
    expect(await page.locator('#note').textContent()).toBe('This is a JSON document, not a table in text.');

    await page.getByLabel('Drop any CSV file').setInputFiles(join(ROOT, 'examples/demo/sample.csv'));
    await page.getByRole('button', { name: 'Import sample.csv' }).click();
    await ended(page);
    expectExact(await shown(page));
  });

  it('an import that the server does not know is explained', async () => {
    const page = await visit();
    await page.goto(`${demo.url}/#import=${'A'.repeat(22)}`);
    await page.reload();
    expect(await page.getByRole('alert').first().textContent()).toMatch(/^That import is gone/);
  });

  it('the server is killed in the middle of an import, and the next one goes on from its last row', async () => {
    const supervised = await startExample('demo', {}, 'start.js');
    try {
      for (const [name, options] of Object.entries({
        desktop: DESKTOP,
        'phone-dark': { ...PHONE, colorScheme: 'dark' as const },
      })) {
        const page = await visit(options, supervised.url);
        await startImport(page, '1000');
        await received(page, 20);
        await page.getByRole('button', { name: 'Kill the server' }).click();
        await page.waitForFunction("document.querySelectorAll('.strip .cut').length === 1");
        await shoot(page, `${name}-killed`);
        expect(await page.locator('.strip .cut').textContent()).toMatch(/server killed after event \d+/);
        await page.waitForFunction("document.getElementById('note').textContent.startsWith('Attempt 2')");
        await page.getByRole('button', { name: 'Reload the page' }).click();
        await page.waitForFunction("document.querySelectorAll('.strip .cut').length === 2");
        await shoot(page, `${name}-attempt-2`);
        await ended(page);
        const seen = await shown(page);
        expectExact(seen);
        expect(seen.tally.cuts).toBe(2);
      }
    } finally {
      await supervised.stop();
    }
  });

  it('an answer is back at once after a reload, and goes on to its end', async () => {
    const page = await visit();
    const text = page.locator('#answer-text');
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.waitForFunction("document.getElementById('answer-text').textContent.length > 200");
    const before = await text.textContent();
    await page.reload();
    await page.waitForFunction("document.querySelector('#answer-text .late')");
    const atOnce = await page.locator('#answer-text .late').textContent();
    expect(atOnce!.startsWith(before!)).toBe(true);
    await page.getByRole('button', { name: 'Cut the connection' }).click();
    await page.waitForFunction("document.getElementById('answer-text').getAttribute('aria-busy') === 'false'");
    const whole = (await text.textContent())!;
    expect(whole).toMatch(/^Because the answer .* look at the colour of what comes back\.$/s);
    await page.reload();
    await page.waitForFunction("document.querySelector('#answer-text .late')");
    expect(await text.textContent()).toBe(whole);
  });

  it('an answer is followed by a second tab from its text so far, and stops in both', async () => {
    const page = await visit();
    await page.getByLabel('Question', { exact: true }).selectOption('shanty');
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.waitForFunction("document.getElementById('answer-text').textContent.length > 100");
    const before = await page.locator('#answer-text').textContent();
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: 'Follow in a second tab' }).click();
    const second = await opened;
    await second.waitForFunction("document.querySelector('#answer-text .live')");
    expect((await second.locator('#answer-text .late').textContent())!.startsWith(before!)).toBe(true);
    expect(await second.getByLabel('Question', { exact: true }).inputValue()).toBe('shanty');

    await second.getByRole('button', { name: 'Stop' }).click();
    for (const tab of [page, second]) {
      await tab.waitForFunction("document.getElementById('answer-text').getAttribute('aria-busy') === 'false'");
      expect(await tab.getByRole('status').textContent()).toBe('The answer has stopped.');
    }
    expect(await page.locator('#answer-text').textContent()).toBe(await second.locator('#answer-text').textContent());
  });

  it('the page shows how it is made, where to read on, and a picture of itself to those it is shared with', async () => {
    const page = await visit();
    const linesOf = async (id: string): Promise<number> =>
      (await page.locator(`#${id}`).innerText()).split('\n').length;
    expect([await linesOf('server-code'), await linesOf('browser-code')]).toEqual([10, 5]);
    const picture = await page.locator('meta[property="og:image"]').getAttribute('content');
    expect(picture).toBe(`${demo.url}/social.png`);
    expect((await page.request.get(picture!)).headers()['content-type']).toBe('image/png');
    await page.getByRole('link', { name: 'README' }).click();
    expect(await page.locator('body').innerText()).toContain('npm install resumable-sse');
  });

  it('the code that the page shows does what it says: reloads find the answer, and stopping stops it', async () => {
    const files = { 'snippets.js': serverOfSnippets() };
    const server = await startExample('demo', {}, 'snippets.js', files);
    try {
      const page = await (await browser().newContext()).newPage();
      contexts.push(page.context());
      await page.goto(server.url);
      const text = page.locator('#output');
      for (const word of [10, 20, 30]) {
        await page.waitForFunction(`document.getElementById('output').textContent.includes('${String(word)} ')`);
        await page.reload();
      }
      await page.waitForFunction("document.getElementById('output').textContent.includes('40 ')");
      expect(await text.textContent()).toMatch(/^1 2 3 4 5 6 7 8 9 10 11 12 /);
      const stopped = page.waitForResponse((response) => response.request().method() === 'DELETE');
      await page.getByRole('button', { name: 'Stop' }).click();
      expect((await stopped).status()).toBe(204);
      expect(server.printed.filter((line) => line === 'asked')).toHaveLength(1);
    } finally {
      await server.stop();
    }
  });

  it('the keyboard is enough, and a screen reader hears what happens', async () => {
    const page = await visit();
    for (let stops = 0; stops < 10 && (await page.evaluate('document.activeElement.id')) !== 'start'; stops++) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await received(page, 5);
    expect(await page.evaluate('document.activeElement.id')).toBe('job-title');
    expect(await page.getByRole('status').textContent()).toMatch(/The import runs on the server|% of the file/);
    expect(await page.getByRole('progressbar', { name: 'Share of the file that is read' }).count()).toBe(1);
    await page.getByRole('button', { name: 'Cut the connection' }).press('Enter');
    await page.waitForFunction("document.getElementById('note').textContent.startsWith('Connected again')");
    await page.getByRole('button', { name: 'Cancel the import' }).press('Enter');
    await ended(page, 'cancelled');
    expect(await page.getByRole('status').textContent()).toBe('Cancelled.');
  });

  it.each([
    ['light', {}],
    ['dark', { colorScheme: 'dark' as const }],
    ['light, on a phone', PHONE],
  ])('nothing is in the way of assistive technology, or out of the window: %s', async (_name, options) => {
    const page = await visit(options);
    await startImport(page, '');
    await ended(page);
    await page.getByRole('button', { name: 'Ask' }).click();
    await page.waitForFunction("document.getElementById('answer-text').textContent.length > 20");
    await page.evaluate(AXE);
    const { violations, passes } = await page.evaluate<{ violations: object[]; passes: object[] }>('axe.run()');
    expect(violations).toEqual([]);
    expect(passes.length).toBeGreaterThan(20); // it has looked
    expect(
      await page.evaluate(() => {
        const { document, innerWidth } = globalThis as unknown as Elements;
        return document.documentElement.scrollWidth - innerWidth;
      }),
    ).toBeLessThanOrEqual(0);
  });
});
