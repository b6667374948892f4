import type { Awaitable, StoreSettings, OpenTaskStore } from '../../lib/core/ports.js';
import { describeStoreAudience } from './store-audience.js';
import { describeStoreCreation } from './store-creation.js';
import { describeStoreReading } from './store-reading.js';
import { describeStoreRetention } from './store-retention.js';
import { describeStoreWires } from './store-wires.js';
import { describeStoreWriting } from './store-writing.js';

/** A started store that a test has to itself. */
export interface OpenedStore {
  readonly store: OpenTaskStore;
  /** The same tasks as another instance serves them; `store` itself where nothing is shared. */
  readonly peer: OpenTaskStore;
  /** Lets so much time pass, for whatever the store measures it with. */
  readonly advance: (ms: number) => Awaitable<void>;
  readonly close: () => Awaitable<void>;
}

/** What a test asks for; the rest of the settings is up to the driver. */
export type StoreLimits = Partial<Pick<StoreSettings, 'log' | 'maxTasksPerOwner' | 'encode'>>;

/** Opens an empty store that keeps finished tasks for `TTL_MS`. */
export type OpenStore = (limits?: StoreLimits) => Awaitable<OpenedStore>;

/**
 * What every store owes to the engine, in memory or shared. All answers are awaited and all news is waited for, so
 * that a driver may take its time.
 */
export function describeTaskStore(name: string, open: OpenStore): void {
  describe(`${name} as a task store`, () => {
    const opened: OpenedStore[] = [];
    const fresh: OpenStore = async (limits) => {
      const store = await open(limits);
      opened.push(store);
      return store;
    };

    afterEach(async () => {
      for (const each of opened.splice(0)) await each.close();
    });

    describeStoreCreation(fresh);
    describeStoreWriting(fresh);
    describeStoreWires(fresh);
    describeStoreReading(fresh);
    describeStoreAudience(fresh);
    describeStoreRetention(fresh);
  });
}
