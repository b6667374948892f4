import { createSqliteDriver } from '../../lib/sqlite/sqlite-driver.js';
import { createKeyValueDriver, type TaskDriver } from '../../lib/store/index.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';
import { announceSeed } from '../support/random/random.js';
import { PREFIX } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { REGIMES, RUNS_PER_REGIME, simulate } from './simulation/simulate.js';

const RUNS = Number(process.env.RUNS ?? 2);
const files = new SqliteFiles();

/**
 * Only the store on maps can lose its data, or an index. What these stores find a task by is computed from the task itself
 * (columns in SQLite, a look at all tasks over key-value stores), so it cannot be lost apart from it: the regime that
 * loses indexes runs here for its other faults, which no other regime has together.
 */
const TRIED = REGIMES.map(([name, faults], index) => ({ name, faults, first: index * RUNS_PER_REGIME })).filter(
  ({ faults }) => !faults.lostData,
);

/** Each makes an empty store, and drivers to it. */
const STORES: readonly [string, () => () => TaskDriver][] = [
  [
    'a SQLite file',
    () => {
      const path = files.newPath();
      return () => createSqliteDriver(files.connect(path), PREFIX);
    },
  ],
  [
    'a key-value store',
    () => {
      const keyValue = new MapKeyValue();
      return () => createKeyValueDriver({ keyValue });
    },
  ],
];

afterAll(() => {
  files.remove();
});

describe.each(STORES)('many instances on %s keep every promise', (name, openStore) => {
  const seed = announceSeed(`simulation on ${name}`);

  it.each(TRIED)(
    'where $name',
    async ({ first }) => {
      for (let run = first; run < first + RUNS; run++) await simulate(seed, run, openStore());
    },
    3_600_000,
  );
});
