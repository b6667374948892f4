import { createTaskStore } from '../../lib/distributed/create-task-store.js';
import { describeTaskStore } from '../contracts/task-store.js';
import { TTL_MS } from '../contracts/store-steps.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { MapDriver, MapServer } from '../support/stores/map-driver.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
};

describeTaskStore('the shared rules over maps', (limits) => {
  const clock = new ManualClock();
  const server = new MapServer();
  const open = () => createTaskStore(new MapDriver(server))(storeSettings({ clock, ttlMs: TTL_MS, ...limits }));
  const [store, peer] = [open(), open()];
  return {
    store,
    peer,
    advance: async (ms) => {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(Math.min(100, ms - passed));
        await turns(3);
      }
    },
    close: async () => {
      await store.stop?.();
      await peer.stop?.();
    },
  };
});
