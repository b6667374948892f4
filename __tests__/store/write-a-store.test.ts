import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import vm from 'node:vm';
import ts from 'typescript';
import type { DriverSettings, TaskDriver } from '../../lib/store/index.js';
import * as store from '../../lib/store/index.js';
import { createManualClock, DRIVER_TTL_MS } from '../../lib/testing/index.js';
import { describeTaskDriver } from '../contracts/task-driver.js';
import { codeBlocks } from '../support/markdown.js';

/** The driver as the page shows it. */
interface Page {
  readonly Shelf: new () => object;
  readonly ShelfDriver: new (shelf: object) => TaskDriver;
}

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'WRITE-A-STORE.md'), 'utf8');
const { code } = codeBlocks(page).find(({ code }) => code.includes('class ShelfDriver'))!;
const { Shelf, ShelfDriver } = load(code);

describeTaskDriver('The driver of the page', (limits = {}) => {
  const clock = createManualClock();
  const shelf = new Shelf();
  const open = (instance: string): TaskDriver => {
    const driver = new ShelfDriver(shelf);
    const settings: DriverSettings = {
      ...{ instance, clock, ttlMs: DRIVER_TTL_MS, runningTtlMs: DRIVER_TTL_MS, timeoutMs: 2_000 },
      ...{ limits: { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner: Infinity, ...limits },
    };
    driver.open(settings);
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

function load(source: string): Page {
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
