// What a user does, in Chromium: asks, loses the connection, reloads in the middle, opens a second tab, stops.
/* global document -- in functions that run in the page */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startServer } from '../start-server.js';

const cwd = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(`${cwd}node_modules/ai`)) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd, stdio: 'inherit' });
  assert.equal(status, 0, 'npm ci failed');
}
const screenshots = fileURLToPath(new URL('../../screenshots', import.meta.url));
mkdirSync(screenshots, { recursive: true });

const { origin, stop } = await startServer(new URL('./server.js', import.meta.url), { WORD_MS: '80' });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
});

const ANSWER_WORDS = 130;
const wordsOf = (page) =>
  page
    .locator('.assistant:last-of-type > p')
    .allInnerTexts()
    .then((texts) => texts.join(' ').split(/\s+/).filter(Boolean));
const untilWords = (page, count) =>
  page.waitForFunction(
    (least) => (document.querySelector('.assistant:last-of-type')?.innerText.split(/\s+/).length ?? 0) >= least,
    count,
  );
const untilDone = (page) =>
  page.waitForFunction(() => document.querySelector('main')?.getAttribute('aria-busy') === 'false');
const ask = async (page, question) => {
  await page.getByLabel('Your question').fill(question);
  await page.getByRole('button', { name: 'Send' }).click();
};

try {
  const context = await browser.newContext({ viewport: { width: 900, height: 800 } });
  const page = await context.newPage();
  await page.goto(origin);
  await page.screenshot({ path: `${screenshots}/ai-chat-empty.png` });

  await ask(page, 'Tell me about trains');
  await untilWords(page, 30);
  await page.screenshot({ path: `${screenshots}/ai-chat-writing.png` });
  await page.getByRole('button', { name: 'Cut the connection' }).click();
  await untilWords(page, 60);
  assert.equal(await page.getByRole('alert').count(), 0, 'a cut is no error');

  const second = await context.newPage();
  await second.goto(page.url());
  await untilWords(second, 60);

  await page.reload();
  await untilWords(page, 80);
  assert.equal(await page.locator('.user').count(), 1);
  assert.equal(await page.locator('.assistant').count(), 1);
  await Promise.all([untilDone(page), untilDone(second)]);
  const words = await wordsOf(page);
  assert.ok(words.length > ANSWER_WORDS, `only ${words.length} words`);
  assert.deepEqual(await wordsOf(second), words);
  await page.screenshot({ path: `${screenshots}/ai-chat-done.png` });

  await page.reload();
  await untilWords(page, 100);
  assert.deepEqual(await wordsOf(page), words, 'the finished message is kept');

  await ask(page, 'And about boats');
  await page.waitForFunction(() => document.querySelectorAll('.assistant').length === 2);
  await untilWords(page, 40);
  await page.getByRole('button', { name: 'Stop' }).click();
  await untilDone(page);
  const stopped = (await wordsOf(page)).length;
  assert.ok(stopped < ANSWER_WORDS, 'it was stopped');
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.assistant').length === 2);
  const kept = (await wordsOf(page)).length;
  assert.ok(kept >= stopped && kept < ANSWER_WORDS, `${stopped} words were shown at the stop, ${kept} were kept`);
  await page.setViewportSize({ width: 390, height: 780 });
  await page.screenshot({ path: `${screenshots}/ai-chat-stopped-narrow.png` });
  console.log(
    `${words.length} words over a cut, a reload and a second tab; stopped after ${stopped} of the next answer`,
  );
} finally {
  await browser.close();
  await stop();
}
