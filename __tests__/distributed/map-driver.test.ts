import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { TTL_MS } from '../contracts/driver-steps.js';
import { describeTaskDriver } from '../contracts/task-driver.js';

describeTaskDriver(
  'A store on maps',
  ({ limits = { maxEvents: 10_000, maxBytes: 2 ** 20 }, maxTasksPerOwner = Infinity } = {}) => {
    const clock = new ManualClock();
    const server = new MapServer();
    const open = (instance: string): MapDriver => {
      const driver = new MapDriver(server);
      driver.open({
        instance,
        clock,
        ttlMs: TTL_MS,
        runningTtlMs: 4 * TTL_MS,
        limits,
        maxTasksPerOwner,
        timeoutMs: 2_000,
      });
      return driver;
    };
    const [one, two] = [open('one'), open('two')];
    return {
      ...{ one, two },
      advance: (ms) => clock.advance(ms),
      close: () => Promise.all([one.close(), two.close()]).then(() => undefined),
    };
  },
);
