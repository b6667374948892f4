/** Two stores of the contract that learn of each other by polls. */
import type { TaskStore } from '../../lib/core/ports.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { storeSettings } from '../support/stores/store-fixtures.js';
import type { OpenedStore, StoreLimits } from './task-store.js';
import { TTL_MS } from './store-steps.js';

/** Opens two stores on one clock. Time passes by itself as well, since whoever waits for news here waits for a poll. */
export function openTwoPollingStores(limits: StoreLimits | undefined, newStore: () => TaskStore): OpenedStore {
  const clock = new ManualClock();
  const passing = setInterval(() => {
    clock.advance(1);
  }, 1);
  const settings = storeSettings({ clock, ttlMs: TTL_MS, ...limits });
  const [store, peer] = [newStore()(settings), newStore()(settings)];
  return {
    store,
    peer,
    advance: async (ms) => {
      clock.advance(ms);
    },
    close: async () => {
      await Promise.all([store.stop?.(), peer.stop?.()]);
      clearInterval(passing);
    },
  };
}
