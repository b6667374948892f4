import { createSqliteStore } from '../../lib/sqlite/index.js';
import type { OpenTaskStore, StoreSettings } from '../../lib/core/ports.js';
import { TTL_MS } from '../contracts/store-steps.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { SqliteFiles } from '../support/sqlite/sqlite-files.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

describeTaskStore('SQLite', (limits) => {
  const files = new SqliteFiles();
  const path = files.newPath();
  const clock = new ManualClock();
  // Time passes by itself as well, since whoever waits here for news waits for a poll.
  const passing = setInterval(() => {
    clock.advance(1);
  }, 1);
  const settings: StoreSettings = storeSettings({ clock, ttlMs: TTL_MS, ...limits });
  const open = (): OpenTaskStore => createSqliteStore({ database: files.connect(path) })(settings);
  const [store, peer] = [open(), open()];
  return {
    ...{ store, peer },
    advance: async (ms) => {
      clock.advance(ms);
    },
    close: async () => {
      await Promise.all([store.stop?.(), peer.stop?.()]);
      clearInterval(passing);
      files.remove();
    },
  };
});
