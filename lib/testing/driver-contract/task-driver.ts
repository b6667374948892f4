/** Adds the suite for drivers to a test runner. */
import { suiteOf, type Runner } from '../suite.js';
import { describeDriverNotifications } from './notifications.js';
import { describeDriverCreation } from './creation.js';
import { describeDriverIndexes } from './indexes.js';
import { describeDriverLog } from './log.js';
import type { OpenDrivers } from './steps.js';
import { describeDriverTakeover } from './takeover.js';

/**
 * Adds the tests that every driver passes: what a database must be able to do, whichever it is, without the rules above.
 * @param open opens an empty store, and two drivers to it as the instances `one` and `two`, which keep ended tasks for
 * `DRIVER_TTL_MS`; called by every test
 * @param runner `describe` and `it` of jest, vitest or node:test
 */
export function describeTaskDriver(name: string, open: OpenDrivers, runner: Runner): void {
  runner.describe(`${name} as a task driver`, () => {
    const suite = suiteOf(runner, open);
    describeDriverCreation(suite);
    describeDriverLog(suite);
    describeDriverTakeover(suite);
    describeDriverIndexes(suite);
    describeDriverNotifications(suite);
  });
}
