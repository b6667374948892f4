import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import vm from 'node:vm';
import ts from 'typescript';
import type { Clock, DriverSettings, KeyValue, TaskDriver, TaskTable } from '../../lib/store/index.js';
import * as store from '../../lib/store/index.js';
import { createManualClock, DRIVER_TTL_MS } from '../../lib/testing/index.js';
import { describeSameAsMaps } from '../contracts/same-as-maps.js';
import { describeTaskDriver } from '../contracts/task-driver.js';
import { codeBlocks } from '../support/repository/markdown.js';

/** The drivers as the page shows them. */
interface Page {
  readonly MapKeyValue: new () => KeyValue;
  readonly MapTable: new () => TaskTable;
}

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'WRITE-A-STORE.md'), 'utf8');
const { MapKeyValue } = load('class MapKeyValue');
const { MapTable } = load('class MapTable');

/** Makes an empty database, and drivers to it. */
const WAYS: readonly (readonly [string, () => () => TaskDriver])[] = [
  [
    'The three methods of the page',
    () => {
      const keyValue = new MapKeyValue();
      return () => store.createKeyValueDriver({ keyValue, pollMs: 5 });
    },
  ],
  [
    'The driver of the page',
    () => {
      const [table, documents] = [new MapTable(), new MapKeyValue()];
      return () => store.createTableDriver({ table, documents, pollMs: 5 });
    },
  ],
];

for (const [name, openDatabase] of WAYS) {
  describeSameAsMaps(name, () => {
    const connect = openDatabase();
    return [connect(), connect()];
  });

  describeTaskDriver(name, (limits = {}) => {
    const clock = createManualClock();
    const connect = openDatabase();
    const open = (instance: string): TaskDriver => {
      const driver = connect();
      driver.open(settingsOf(instance, clock, limits));
      return driver;
    };
    const [one, two] = [open('one'), open('two')];
    // It polls by the clock: time passes by itself as well.
    const passing = setInterval(() => clock.advance(1), 1);
    return {
      ...{ one, two },
      advance: (ms) => clock.advance(ms),
      close: async () => {
        clearInterval(passing);
        await Promise.all([one.close(), two.close()]);
      },
    };
  });
}

it('the complete driver of the page takes about a hundred lines', () => {
  const blocks = ['class MapKeyValue', 'class MapTable'].map(blockWith);
  expect(blocks.join('\n').split('\n').length).toBeLessThanOrEqual(100);
});

const settingsOf = (instance: string, clock: Clock, limits: Partial<DriverSettings>): DriverSettings => ({
  ...{ instance, clock, ttlMs: DRIVER_TTL_MS, runningTtlMs: DRIVER_TTL_MS, timeoutMs: 2_000 },
  ...{ limits: { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner: Infinity, ...limits },
});

function blockWith(text: string): string {
  return codeBlocks(page).find(({ code }) => code.includes(text))!.code;
}

/** What the block of the page exports that contains `text`. */
function load(text: string): Page {
  const source = blockWith(text);
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS };
  const { outputText } = ts.transpileModule(source, { compilerOptions: options });
  const exports = {};
  const run = vm.runInThisContext(`(exports, require) => {${outputText}\n}`) as (
    exports: object,
    require: () => object,
  ) => void;
  run(exports, () => store);
  return exports as Page;
}
