// Plants one mistake at a time in the drivers of the page; the suite for drivers must find each of them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const DRIVER = ['driver.js', 'driverOf(page)'];
const KEY_VALUE = ['key-value.js', 'keyValueDriverOf(page.MapKeyValue)'];

const MISTAKES = [
  [DRIVER, 'an entry is read once too often', 'bytes: 0 }) > 0)', 'bytes: 0 }) >= 0)'],
  [DRIVER, 'a page is one short', '.slice(0, limit);\n    };\n    claim', '.slice(0, limit - 1);\n    };\n    claim'],
  [DRIVER, 'a batch is written twice', 'kept.task.top) > 0)', 'kept.task.top) >= 0)'],
  [DRIVER, 'a task expires never', 'expiresAtMs: now + ', 'expiresAtMs: now + 1e12 + '],
  [DRIVER, 'an old holder may still write', 'kept.task.token > token', 'kept.task.token > token + 1'],
  [DRIVER, 'the quota lets one more in', 'running.length >= ', 'running.length > '],
  [KEY_VALUE, 'a page begins with the last of the one before', 'key > after', 'key >= after'],
  [KEY_VALUE, 'a page is one short', '.slice(0, limit)', '.slice(0, limit - 1)'],
  [KEY_VALUE, 'a value is replaced whatever it was', 'this.#values.get(key) !== expected', 'false'],
  [KEY_VALUE, 'the last comes first', 'a < b ? -1 : 1', 'a < b ? 1 : -1'],
  [KEY_VALUE, 'nothing is ever deleted', 'this.#values.delete(key)', 'return true'],
];

const planted = new URL('planted.js', import.meta.url);
const test = new URL('planted.test.js', import.meta.url);
let missed = 0;
for (const [[file, open], what, right, wrong] of MISTAKES) {
  const driver = readFileSync(new URL(file, import.meta.url), 'utf8');
  if (!driver.includes(right)) throw new Error(`the driver has changed: ${right}`);
  writeFileSync(planted, driver.replace(right, wrong));
  writeFileSync(
    test,
    `import { describe, it } from 'node:test';
import * as page from './planted.js';
import { driverOf, keyValueDriverOf, testDriver } from './suites.js';
testDriver('a mistake', ${open}, { describe, it });
`,
  );
  const { status } = spawnSync(process.execPath, ['--test', '--test-timeout', '10000', test.pathname], {
    encoding: 'utf8',
  });
  console.log(`${file}: ${what}: ${status === 0 ? 'NOT FOUND' : 'found'}`);
  if (status === 0) missed++;
}
for (const file of [planted, test]) rmSync(file);
process.exitCode = missed;
