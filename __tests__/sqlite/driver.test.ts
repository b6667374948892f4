import { describeTaskDriver } from '../contracts/task-driver.js';
import { TTL_MS } from '../contracts/driver-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { openDriver } from '../support/sqlite/sqlite-driver.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';

describeTaskDriver('SQLite', (given = {}) => {
  const files = new SqliteFiles();
  const path = files.newPath();
  const clock = new ManualClock();
  const open = (instance: string) => openDriver(files.connect(path), { clock, instance, ttlMs: TTL_MS, ...given });
  const polling = setInterval(() => {
    clock.advance(1);
  }, 1);
  return {
    one: open('one'),
    two: open('two'),
    advance: (ms) => {
      clock.advance(ms);
    },
    close: () => {
      clearInterval(polling);
      files.remove();
    },
  };
});
