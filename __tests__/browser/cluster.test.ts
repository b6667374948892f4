import type { Page } from 'playwright-core';
import { describeInBrowser } from '../support/browser/browser.js';
import { ended, expectExact, received, shoot, shown, startImport } from '../support/browser/demo-page.js';
import { startExample, type ExampleServer } from '../support/servers/example-server.js';
import { describeWithRedisServer } from '../support/redis/redis-server.js';

jest.setTimeout(120_000);

describeWithRedisServer('the demo page with Redis', () => {
  describeInBrowser('the demo page on two instances, of which one is killed', (browser) => {
    let cluster: ExampleServer | undefined;
    afterEach(() => cluster?.stop());

    /** Starts an import, and kills the instance that runs it in the middle. */
    async function killedInTheMiddle(onLost: 'fail' | 'restart'): Promise<{ page: Page; errors: string[] }> {
      cluster = await startExample('cluster', { ON_LOST: onLost });
      const page = await (await browser().newContext()).newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(cluster.url);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await startImport(page);
      const name = (await answered).headers()['x-instance'];
      const pids = cluster.printed.flatMap(
        (line) => new RegExp(`^instance ${name}: kill -9 (\\d+)`).exec(line)?.[1] ?? [],
      );
      await received(page, 10);
      process.kill(Number(pids.at(-1)), 'SIGKILL');
      return { page, errors };
    }

    it('shows the import as lost, with every event that was sent before', async () => {
      const { page, errors } = await killedInTheMiddle('fail');
      await ended(page, 'failed');
      await shoot(page, 'cluster-lost');
      const { cells, tally } = await shown(page);
      expect(cells.length).toBeGreaterThan(10);
      expect(cells).toEqual(cells.map((_, at) => at + 1));
      expect(tally).toMatchObject({ received: cells.length, lost: 0, doubled: 0 });
      expect(await page.locator('#note').textContent()).toMatch(/^Lost: /);
      await page.reload(); // and whoever comes later sees the same, on whichever instance
      await ended(page, 'failed');
      expect((await shown(page)).cells).toEqual(cells);
      expect(errors).toEqual([]);
      await page.context().close();
    });

    it('shows how the other instance goes on with the import, without a lost or repeated event', async () => {
      const { page, errors } = await killedInTheMiddle('restart');
      await page.waitForFunction("document.getElementById('note').textContent.includes('Attempt 2')");
      await shoot(page, 'cluster-restarted');
      await ended(page);
      await shoot(page, 'cluster-finished');
      expectExact(await shown(page));
      expect(errors).toEqual([]);
      await page.context().close();
    });
  });
});
