// Plants one mistake at a time in the drivers of the page; the suite for drivers must find each of them.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const TABLE = ['table.js', 'tableDriverOf(page.MapTable, MapKeyValue)'];
const DOCUMENTS = ['key-value.js', 'tableDriverOf(MapTable, page.MapKeyValue)'];
const KEY_VALUE = ['key-value.js', 'keyValueDriverOf(page.MapKeyValue)'];

const MISTAKES = [
  [TABLE, 'an entry is read once too often', 'comparePlaces(place, after) > 0', 'comparePlaces(place, after) >= 0'],
  [TABLE, 'a page of a log is one short', '> 0).slice(0, limit)', '> 0).slice(0, limit - 1)'],
  [TABLE, 'a page of tasks is one short', '1)).slice(0, limit)', '1)).slice(0, limit - 1)'],
  [TABLE, 'a page begins with the last of the one before', 'taskId > after', 'taskId >= after'],
  [TABLE, 'the last task comes first', 'b.taskId ? -1 : 1', 'b.taskId ? 1 : -1'],
  [TABLE, 'the quota counts what has ended', "each.status === 'running'", 'true'],
  [TABLE, 'the quota counts everybody', 'each.owner === owner', 'true'],
  [TABLE, 'a log is trimmed of one entry less', 'comparePlaces(place, drop) > 0', 'comparePlaces(place, drop) >= 0'],
  [TABLE, 'what is appended replaces the log', '[...(this.#logs.get(taskId) ?? []), ...entries]', '[...entries]'],
  [TABLE, 'an answer is given and nothing is done', "if (!('task' in changed))", "if (!('drop' in changed))"],
  [DOCUMENTS, 'a document is replaced whatever it was', 'this.#values.get(key) !== expected', 'false'],
  [DOCUMENTS, 'a page of documents begins with the last of the one before', 'key > after', 'key >= after'],
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
import { MapKeyValue } from './key-value.js';
import { MapTable } from './table.js';
import { keyValueDriverOf, tableDriverOf, testDriver } from './suites.js';
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
