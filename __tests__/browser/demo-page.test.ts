import { readFileSync } from 'node:fs';
import { describeInBrowser } from '../support/browser/browser.js';
import { bottomsOf, ended, received, startImport, type Elements } from '../support/browser/demo-page.js';
import { serverOfSnippets } from '../support/examples/demo-snippets.js';
import { DESKTOP, PHONE, useDemo } from '../support/browser/demo-visits.js';
import { startExample } from '../support/servers/example-server.js';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

jest.setTimeout(120_000);

describeInBrowser('the demo page in Chromium', (browser) => {
  const { demo, visit } = useDemo(browser);

  it.each([
    ['1440 × 900', DESKTOP],
    ['390 × 844', PHONE],
  ])('shows the import and the buttons that break it together on the first screen of %s', async (_size, options) => {
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

  it('shows an answer at once after a reload, and goes on to its end', async () => {
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

  it('lets a second tab follow an answer from its text so far, and stops it in both', async () => {
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

  it('shows the code that it is made of, a link to the README, and a picture for those with whom it is shared', async () => {
    const page = await visit();
    const linesOf = async (id: string): Promise<number> =>
      (await page.locator(`#${id}`).innerText()).split('\n').length;
    expect([await linesOf('server-code'), await linesOf('browser-code')]).toEqual([10, 5]);
    const picture = await page.locator('meta[property="og:image"]').getAttribute('content');
    expect(picture).toBe(`${demo().url}/social.png`);
    expect((await page.request.get(picture!)).headers()['content-type']).toBe('image/png');
    await page.getByRole('link', { name: 'README' }).click();
    expect(await page.locator('body').innerText()).toContain('npm install resumable-sse');
  });

  it('shows code that works: a reload finds the answer, and the button stops it', async () => {
    const files = { 'snippets.js': serverOfSnippets() };
    const server = await startExample('demo', {}, 'snippets.js', files);
    try {
      const page = await visit({}, server.url);
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

  it('can be used by keyboard alone, and tells a screen reader what happens', async () => {
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
  ])('has no accessibility fault, and nothing out of the window: %s', async (_name, options) => {
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
