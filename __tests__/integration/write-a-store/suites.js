// The suites, on whatever runner, over the drivers of the page or over one with a mistake in it.
import { createKeyValueDriver, createTableDriver, createTaskStore } from '../../../dist/esm/store/index.js';
import {
  createManualClock,
  describeTaskDriver,
  describeTaskStore,
  DRIVER_TTL_MS,
  storeSettings,
  STORE_TTL_MS,
} from '../../../dist/esm/testing/index.js';

/** Makes an empty database, and a function that makes drivers to it. */
export const tableDriverOf =
  (MapTable, MapKeyValue) =>
  (table = new MapTable(), documents = new MapKeyValue()) =>
  () =>
    createTableDriver({ table, documents, pollMs: 5 });

export const keyValueDriverOf =
  (MapKeyValue) =>
  (keyValue = new MapKeyValue()) =>
  () =>
    createKeyValueDriver({ keyValue, pollMs: 5 });

export function testDriver(name, openDatabase, runner) {
  describeTaskDriver(
    name,
    ({ limits = { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner = Infinity } = {}) => {
      const clock = createManualClock();
      const makeDriver = openDatabase();
      const open = (instance) => {
        const driver = makeDriver();
        const ttlMs = DRIVER_TTL_MS;
        driver.open({ instance, clock, ttlMs, runningTtlMs: ttlMs, limits, maxTasksPerOwner, timeoutMs: 2_000 });
        return driver;
      };
      const [one, two] = [open('one'), open('two')];
      const passing = setInterval(() => clock.advance(1), 1);
      return {
        one,
        two,
        advance: (ms) => clock.advance(ms),
        close: async () => {
          clearInterval(passing);
          await Promise.all([one.close(), two.close()]);
        },
      };
    },
    runner,
  );
}

export function testStore(name, openDatabase, runner) {
  describeTaskStore(
    name,
    (limits) => {
      const clock = createManualClock();
      const makeDriver = openDatabase();
      const settings = storeSettings({ clock, ttlMs: STORE_TTL_MS, ...limits });
      const [store, peer] = [makeDriver(), makeDriver()].map((driver) => createTaskStore(driver)(settings));
      const passing = setInterval(() => clock.advance(1), 1);
      return {
        store,
        peer,
        advance: (ms) => clock.advance(ms),
        close: async () => {
          await Promise.all([store.stop(), peer.stop()]);
          clearInterval(passing);
        },
      };
    },
    runner,
  );
}
