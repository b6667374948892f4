// The suites, on whatever runner, over the driver of the page or over one with a mistake in it.
import { createTaskStore } from '../../../dist/esm/store/index.js';
import {
  createManualClock,
  describeTaskDriver,
  describeTaskStore,
  DRIVER_TTL_MS,
  storeSettings,
  STORE_TTL_MS,
} from '../../../dist/esm/testing/index.js';

export function testDriver({ Shelf, ShelfDriver }, runner) {
  describeTaskDriver(
    'the driver of the page',
    ({ limits = { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner = Infinity } = {}) => {
      const clock = createManualClock();
      const shelf = new Shelf();
      const open = (instance) => {
        const driver = new ShelfDriver(shelf);
        const ttlMs = DRIVER_TTL_MS;
        driver.open({ instance, clock, ttlMs, runningTtlMs: ttlMs, limits, maxTasksPerOwner, timeoutMs: 2_000 });
        return driver;
      };
      const [one, two] = [open('one'), open('two')];
      return { one, two, advance: (ms) => clock.advance(ms), close: () => Promise.all([one.close(), two.close()]) };
    },
    runner,
  );
}

export function testStore({ Shelf, ShelfDriver }, runner) {
  describeTaskStore(
    'the driver of the page',
    (limits) => {
      const clock = createManualClock();
      const shelf = new Shelf();
      const settings = storeSettings({ clock, ttlMs: STORE_TTL_MS, ...limits });
      const [store, peer] = [shelf, shelf].map((each) => createTaskStore(new ShelfDriver(each))(settings));
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
