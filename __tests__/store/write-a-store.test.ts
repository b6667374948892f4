import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import vm from 'node:vm';
import ts from 'typescript';
import type { Clock, DriverSettings, KeyValue, TaskDriver } from '../../lib/store/index.js';
import * as store from '../../lib/store/index.js';
import { createManualClock, DRIVER_TTL_MS } from '../../lib/testing/index.js';
import { describeTaskDriver } from '../contracts/task-driver.js';
import { codeBlocks } from '../support/markdown.js';

/** The drivers as the page shows them. */
interface Page {
  readonly MapKeyValue: new () => KeyValue;
  readonly Shelf: new () => object;
  readonly ShelfDriver: new (shelf: object) => TaskDriver;
}

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'WRITE-A-STORE.md'), 'utf8');
const { MapKeyValue } = load('class MapKeyValue');
const { Shelf, ShelfDriver } = load('class ShelfDriver');

describeTaskDriver('The three methods of the page', (limits = {}) => {
  const clock = createManualClock();
  const keyValue = new MapKeyValue();
  const open = (instance: string): TaskDriver => {
    const driver = store.createKeyValueDriver({ keyValue, pollMs: 5 });
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

describeTaskDriver('The driver of the page', (limits = {}) => {
  const clock = createManualClock();
  const shelf = new Shelf();
  const open = (instance: string): TaskDriver => {
    const driver = new ShelfDriver(shelf);
    driver.open(settingsOf(instance, clock, limits));
    return driver;
  };
  const [one, two] = [open('one'), open('two')];
  return {
    ...{ one, two },
    advance: (ms) => clock.advance(ms),
    close: async () => {
      await Promise.all([one.close(), two.close()]);
    },
  };
});

const settingsOf = (instance: string, clock: Clock, limits: Partial<DriverSettings>): DriverSettings => ({
  ...{ instance, clock, ttlMs: DRIVER_TTL_MS, runningTtlMs: DRIVER_TTL_MS, timeoutMs: 2_000 },
  ...{ limits: { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner: Infinity, ...limits },
});

/** What the block of the page exports that contains `text`. */
function load(text: string): Page {
  const { code: source } = codeBlocks(page).find(({ code }) => code.includes(text))!;
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
