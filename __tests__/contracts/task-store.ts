import { describeTaskStore as describeOn } from '../../lib/testing/store-contract/task-store.js';
import type { OpenStore } from '../../lib/testing/store-contract/opened-store.js';

export type { OpenStore, OpenedStore, StoreLimits } from '../../lib/testing/store-contract/opened-store.js';

/** The suite for stores, on jest. */
export const describeTaskStore = (name: string, open: OpenStore): void => describeOn(name, open, { describe, it });
