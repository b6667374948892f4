import { createKeyValueDriver, type TaskDriver } from '../../lib/store/index.js';
import { describeTaskDriver } from '../contracts/task-driver.js';
import { TTL_MS } from '../contracts/driver-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';

describeTaskDriver('The driver over a key-value store', (given = {}) => {
  const keyValue = new MapKeyValue();
  const clock = new ManualClock();
  const open = (instance: string): TaskDriver => {
    const driver = createKeyValueDriver({ keyValue, pollMs: 10 });
    driver.open({
      ...{ instance, clock, ttlMs: TTL_MS, runningTtlMs: TTL_MS, timeoutMs: 2_000 },
      ...{ limits: { maxEvents: 10_000, maxBytes: 1_048_576 }, maxTasksPerOwner: Infinity, ...given },
    });
    return driver;
  };
  const passing = setInterval(() => {
    clock.advance(1);
  }, 1);
  const [one, two] = [open('one'), open('two')];
  return {
    ...{ one, two },
    advance: (ms) => {
      clock.advance(ms);
    },
    close: async () => {
      clearInterval(passing);
      await Promise.all([one.close(), two.close()]);
    },
  };
});
