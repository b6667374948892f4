// `npm run demo:record`: plays the demo in Chromium, and makes docs/demo.gif and the picture for sharing of what it sees.
// It needs `chromium` and `ffmpeg`, both in Debian; CHROMIUM and FFMPEG name others.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startServer } from '../start-server.js';
import { buildIfStale } from './build.js';

const { CHROMIUM = '/usr/bin/chromium', FFMPEG = 'ffmpeg' } = process.env;
const RECORDING = fileURLToPath(new URL('../../docs/demo.gif', import.meta.url));
const PICTURE = fileURLToPath(new URL('./public/social.png', import.meta.url));
const VIEWPORT = { width: 1_120, height: 700 };
const WIDTH = 840;
const FRAME_MS = 120;
const LAST_FRAME_MS = 3_000;
const MAX_BYTES = 1_500_000;
const FLAGS = ['quic', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`);

/** A pointer that one sees: Chromium takes no picture of its own. */
const POINTER = `
  const pointer = document.createElement('div');
  pointer.id = 'pointer';
  pointer.innerHTML = '<svg width="26" height="26" viewBox="0 0 24 24"><path d="M4 2l15 11-7 1-3 7z" fill="#111" stroke="#fff" stroke-width="1.5"/></svg>';
  pointer.style.cssText = 'position:fixed;z-index:9;left:70%;top:80%;transition:left .45s,top .45s;pointer-events:none';
  document.body.append(pointer);
`;

await buildIfStale();
const folder = mkdtempSync(join(tmpdir(), 'resumable-sse-record-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const server = await startServer(new URL('./start.js', import.meta.url), { PORT: '3000' });
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--headless', '--no-sandbox', '--disable-gpu', ...FLAGS],
});

/** @type {{ file: string, ms: number }[]} */
const frames = [];
let playing = true;
try {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(server.origin);
  await page.evaluate(POINTER);
  await page.evaluate("document.getElementById('speed').value = '1000'");
  await Promise.all([play(page), record(page)]);
  await page.evaluate("document.getElementById('pointer').remove()");
  await takePicture(page);
} finally {
  await browser.close();
  await server.stop();
}
encode();

async function record(page) {
  while (playing) {
    const startedAt = performance.now();
    const file = join(folder, `${String(frames.length).padStart(4, '0')}.png`);
    await page.screenshot({ path: file }).catch(() => undefined); // none while the page reloads
    await sleep(FRAME_MS - (performance.now() - startedAt));
    frames.push({ file, ms: performance.now() - startedAt });
  }
}

/** What a visitor does, in a quarter of a minute. */
async function play(page) {
  const click = async (id) => {
    const box = await page.locator(`#${id}`).boundingBox();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.evaluate(`pointer.style.left = '${x}px'; pointer.style.top = '${y}px'`);
    await sleep(600);
    await page.click(`#${id}`);
  };
  const cells = (count) => page.waitForFunction(`Number(document.getElementById('received').textContent) >= ${count}`);
  const marks = (count) => page.waitForFunction(`document.querySelectorAll('.strip .resumed').length >= ${count}`);
  await sleep(600);
  await click('start');
  await cells(18);
  await click('cut');
  await marks(1);
  await cells(36);
  const isKillable = await page.locator('#kill').isVisible();
  if (isKillable) {
    await click('kill');
    await marks(2);
    await page.waitForFunction("document.getElementById('note').textContent.startsWith('Attempt 2')");
    await sleep(1_500);
  }
  await click('reload');
  await page.waitForLoadState();
  await page.evaluate(POINTER);
  await marks(isKillable ? 3 : 2);
  await sleep(2_000);
  playing = false;
}

async function takePicture(page) {
  await page.setViewportSize({ width: 1_200, height: 630 });
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: PICTURE });
}

/** One palette for all frames, and no dithering: the page has few colours, and most of each frame is as in the one before. */
function encode() {
  const kept = frames.filter(({ file }) => statSync(file, { throwIfNoEntry: false }) !== undefined);
  const lines = kept.flatMap(({ file, ms }, at) => {
    const seconds = (at === kept.length - 1 ? LAST_FRAME_MS : ms) / 1_000;
    return [`file '${file}'`, `duration ${seconds.toFixed(3)}`];
  });
  const list = join(folder, 'frames.txt');
  writeFileSync(list, ['ffconcat version 1.0', ...lines, `file '${kept.at(-1)?.file}'`].join('\n'));
  const filter =
    `fps=8,scale=${WIDTH}:-1:flags=lanczos,split[a][b];[a]palettegen=max_colors=96:stats_mode=full[p];` +
    '[b][p]paletteuse=dither=none:diff_mode=rectangle';
  const input = ['-y', '-loglevel', 'error', '-f', 'concat', '-safe', '0', '-i', list];
  const { status, error, stderr } = spawnSync(FFMPEG, [...input, '-filter_complex', filter, '-loop', '0', RECORDING]);
  if (status !== 0) throw new Error(`${FFMPEG} made no recording: ${error?.message ?? stderr}`);
  const { size } = statSync(RECORDING);
  console.log(`${RECORDING}: ${kept.length} frames, ${Math.round(size / 1_024)} KiB`);
  if (size > MAX_BYTES) throw new Error(`It is larger than ${MAX_BYTES / 1_000_000} MB.`);
}
