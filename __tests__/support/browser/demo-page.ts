import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const SCREENSHOTS = join(__dirname, '../../../screenshots');

/** What the page shows of an import. */
export interface Shown {
  status: string;
  /** The numbers of all cells, in order. */
  cells: number[];
  /** How many of them came from the log. */
  late: number;
  tally: { received: number; lost: number; doubled: number; cuts: number };
  badLines: number[];
  rows: string;
  summary: string;
}

/** The little of the DOM that is read here; its own types would bring those of a page into every file. */
export interface Elements {
  document: {
    querySelectorAll(selector: string): Iterable<{ textContent: string }>;
    documentElement: { scrollWidth: number };
  };
  innerWidth: number;
}

export const shown = (page: Page): Promise<Shown> =>
  page.evaluate(() => {
    const { document } = globalThis as unknown as Elements;
    const texts = (selector: string): string[] => [...document.querySelectorAll(selector)].map((e) => e.textContent);
    const numbers = (selector: string): number[] => texts(selector).map((text) => Number(text.replace(/,/g, '')));
    const [received = -1, lost = -1, doubled = -1, cuts = -1] = numbers('#tally dd');
    return {
      status: texts('#status').join(),
      cells: numbers('.cells span'),
      late: texts('.cells .late').length,
      tally: { received, lost, doubled, cuts },
      badLines: numbers('#bad-list .number'),
      rows: texts('#rows').join(),
      summary: texts('#summary').join(),
    };
  });

/** Waits until it is so; else says what the page shows instead. */
async function waitFor(page: Page, condition: string): Promise<void> {
  await page.waitForFunction(condition).catch(async (error: unknown) => {
    throw new Error(`The page shows:\n${await page.locator('body').innerText()}`, { cause: error });
  });
}

/** Where elements stand in the window, before anybody has scrolled. */
export const bottomsOf = (page: Page, selectors: readonly string[]): Promise<Record<string, number>> =>
  page.evaluate((wanted) => {
    const { document } = globalThis as unknown as {
      document: {
        querySelector(selector: string): { getBoundingClientRect(): { bottom: number; width: number } } | null;
      };
    };
    return Object.fromEntries(
      wanted.map((selector) => {
        const { bottom = NaN, width = 0 } = document.querySelector(selector)?.getBoundingClientRect() ?? {};
        return [selector, width === 0 ? NaN : bottom];
      }),
    );
  }, selectors);

export const received = (page: Page, count: number): Promise<void> =>
  waitFor(page, `Number(document.getElementById('received').textContent) >= ${count}`);
export const ended = (page: Page, status = 'completed'): Promise<void> =>
  waitFor(page, `document.getElementById('status').textContent === '${status}'`);

/** The sample is imported whole, and the page has every event of it once. */
export function expectExact({ status, cells, tally, badLines, rows, summary }: Shown): void {
  expect([status, rows]).toEqual(['completed', '20,000']);
  expect(summary).toMatch(/20,000 rows read .* 146 of them bad/);
  expect(cells).toEqual(cells.map((_, at) => at + 1));
  expect(tally).toMatchObject({ received: cells.length, lost: 0, doubled: 0 });
  expect(badLines).toHaveLength(146);
  expect(badLines).toEqual([...new Set(badLines)].sort((a, b) => a - b));
}

export async function startImport(page: Page, speed = '4000'): Promise<void> {
  await page.getByLabel('at', { exact: true }).selectOption(speed);
  await page.getByRole('button', { name: 'Import the sample' }).click();
  await received(page, 1); // at full speed a fast machine makes no more than four
}

/** As a person sees it, with the bar at the top where it belongs. */
export async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate('scrollTo(0, 0)');
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}
