import type { OpenTaskStore } from '../../lib/core/ports.js';
import { createKeyValueDriver, createTaskStore } from '../../lib/store/index.js';
import { TTL_MS } from '../contracts/store-steps.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapKeyValue } from '../support/stores/map-key-value.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

describeTaskStore('A key-value store', (limits) => {
  const keyValue = new MapKeyValue();
  const clock = new ManualClock();
  const passing = setInterval(() => {
    clock.advance(1);
  }, 1);
  const settings = storeSettings({ clock, ttlMs: TTL_MS, ...limits });
  const open = (): OpenTaskStore => createTaskStore(createKeyValueDriver({ keyValue, pollMs: 10 }))(settings);
  const [store, peer] = [open(), open()];
  return {
    ...{ store, peer },
    advance: async (ms) => {
      clock.advance(ms);
    },
    close: async () => {
      await Promise.all([store.stop?.(), peer.stop?.()]);
      clearInterval(passing);
    },
  };
});
