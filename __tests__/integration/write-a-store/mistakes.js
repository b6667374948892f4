// Plants one mistake at a time in the driver of the page; the suite for drivers must find each of them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const MISTAKES = [
  ['an entry is read once too often', 'bytes: 0 }) > 0)', 'bytes: 0 }) >= 0)'],
  ['a page is one short', '.slice(0, limit);\n    };\n    claim', '.slice(0, limit - 1);\n    };\n    claim'],
  ['a batch is written twice', 'kept.task.top) > 0)', 'kept.task.top) >= 0)'],
  ['a task expires never', 'expiresAtMs: now + ', 'expiresAtMs: now + 1e12 + '],
  ['an old holder may still write', 'kept.task.token > token', 'kept.task.token > token + 1'],
  ['the quota lets one more in', 'running.length >= ', 'running.length > '],
];

const driver = readFileSync(new URL('driver.js', import.meta.url), 'utf8');
const planted = new URL('planted.js', import.meta.url);
const test = new URL('planted.test.js', import.meta.url);
writeFileSync(
  test,
  `import { describe, it } from 'node:test';
import * as page from './planted.js';
import { testDriver } from './suites.js';
testDriver(page, { describe, it });
`,
);
let missed = 0;
for (const [what, right, wrong] of MISTAKES) {
  if (!driver.includes(right)) throw new Error(`the driver has changed: ${right}`);
  writeFileSync(planted, driver.replace(right, wrong));
  const { status } = spawnSync(process.execPath, ['--test', test.pathname], { encoding: 'utf8' });
  console.log(`${what}: ${status === 0 ? 'NOT FOUND' : 'found'}`);
  if (status === 0) missed++;
}
for (const file of [planted, test]) rmSync(file);
process.exitCode = missed;
