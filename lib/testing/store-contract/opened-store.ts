/** Describes the stores that the suite is given to test. */
import type { Awaitable, OpenTaskStore, StoreSettings } from '../../core/ports.js';
import type { Suite } from '../suite.js';

/** An empty store that a test has to itself, opened by two instances. */
export interface OpenedStore {
  /** The store that is tested. */
  readonly store: OpenTaskStore;
  /** The same tasks as another instance serves them; `store` itself where nothing is shared. */
  readonly peer: OpenTaskStore;
  /** Lets so much time pass, in ms, for whatever the store measures it with. */
  readonly advance: (ms: number) => Awaitable<void>;
  /** Closes the store and removes what it has kept. */
  readonly close: () => Awaitable<void>;
}

/** The settings that a test asks for. The caller who opens the store chooses the others. */
export type StoreLimits = Partial<Pick<StoreSettings, 'log' | 'maxTasksPerOwner' | 'encode'>>;

/** Opens an empty store that keeps finished tasks for `STORE_TTL_MS`. */
export type OpenStore = (limits?: StoreLimits) => Awaitable<OpenedStore>;

/** The tests that every store must pass, for any test runner. */
export type StoreSuite = Suite<StoreLimits, OpenedStore>;
