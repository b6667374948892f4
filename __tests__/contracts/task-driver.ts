import { describeTaskDriver as describeOn } from '../../lib/testing/driver-contract/task-driver.js';
import type { OpenDrivers } from '../../lib/testing/driver-contract/steps.js';

/** The suite for drivers, on jest. */
export const describeTaskDriver = (name: string, open: OpenDrivers): void => describeOn(name, open, { describe, it });
