/** Adds the suite for stores to a test runner. */
import { suiteOf, type Runner } from '../suite.js';
import { describeStoreAudience } from './audience.js';
import { describeStoreCreation } from './creation.js';
import type { OpenStore } from './opened-store.js';
import { describeStoreReading } from './reading.js';
import { describeStoreRetention } from './retention.js';
import { describeStoreSlots } from './slots.js';
import { describeStoreTakeover } from './takeover.js';
import { describeStoreWires } from './wires.js';
import { describeStoreWriting } from './writing.js';

/**
 * Adds the tests that every store passes, in memory or shared. All answers are awaited and all news is waited for, so
 * that a driver may take its time.
 * @param open opens an empty store that keeps finished tasks for `STORE_TTL_MS`; called by every test
 * @param runner `describe` and `it` of jest, vitest or node:test
 * @example
 * import { describe, it } from 'node:test';
 * describeTaskStore('my store', openMyStore, { describe, it });
 */
export function describeTaskStore(name: string, open: OpenStore, runner: Runner): void {
  runner.describe(`${name} as a task store`, () => {
    const suite = suiteOf(runner, open);
    describeStoreCreation(suite);
    describeStoreWriting(suite);
    describeStoreTakeover(suite);
    describeStoreSlots(suite);
    describeStoreWires(suite);
    describeStoreReading(suite);
    describeStoreAudience(suite);
    describeStoreRetention(suite);
  });
}
