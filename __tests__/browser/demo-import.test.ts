import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser/browser.js';
import { ended, expectExact, received, shoot, shown, startImport } from '../support/browser/demo-page.js';
import { DESKTOP, PHONE, useDemo } from '../support/browser/demo-visits.js';
import { startExample } from '../support/servers/example-server.js';

const ROOT = join(__dirname, '../..');

jest.setTimeout(120_000);

describeInBrowser('the import on the demo page in Chromium', (browser) => {
  const { demo, visit } = useDemo(browser);

  it('arrives whole although its connection is cut again and again', async () => {
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

  it('makes ten seconds offline good from the log, on a desktop, on a phone, and in dark mode', async () => {
    const looks = { desktop: DESKTOP, phone: PHONE, 'desktop-dark': { ...DESKTOP, colorScheme: 'dark' as const } };
    await Promise.all(Object.entries(looks).map(([name, options]) => goOffline(name, options)));
  });

  it('goes on after a reload in the middle, and is still shown after a reload at the end', async () => {
    const page = await visit();
    await startImport(page, '1000');
    await page.reload();
    await ended(page);
    const seen = await shown(page);
    expectExact(seen);
    expect(seen.tally.cuts).toBe(1); // a reload after the end is none
    await page.reload();
    await ended(page);
    const again = await shown(page);
    expectExact(again);
    expect([again.cells, again.tally.cuts]).toEqual([seen.cells, 1]);
  });

  it('keeps its counts and its cuts over a reload, which counts as a cut', async () => {
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

  it('shows the same in a second tab, which is not cut with the first', async () => {
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

  it('is shown as cancelled once it was cancelled, also after a reload', async () => {
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

  it('goes on where it was when the page comes from the back/forward cache', async () => {
    const page = await visit();
    await startImport(page);
    await page.evaluate("addEventListener('pageshow', ({ persisted }) => (globalThis.persisted = persisted))");
    await page.goto(`${demo().url}/nowhere`);
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

  it('profiles any table that is dropped, and refuses a file that holds no table in words', async () => {
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

  it('explains that the server does not know an import', async () => {
    const page = await visit();
    await page.goto(`${demo().url}/#import=${'A'.repeat(22)}`);
    await page.reload();
    expect(await page.getByRole('alert').first().textContent()).toMatch(/^That import is gone/);
  });

  it('goes on from its last row on the next server when the server is killed', async () => {
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
});
