/** The entry `./testing`: tools for those who test what they build on the library. */
// Jobs
export { runJob } from './run-job.js';
export type { FinishedJob, RunJobOptions } from './run-job.js';

// Time
export { createManualClock } from './manual-clock.js';
export type { ManualClock } from './manual-clock.js';

// Connections
export { createCutProxy } from './cut-proxy.js';
export type { ConnectionPlan, CutKind, CutPlan, CutProxy } from './cut-proxy.js';
export { collect } from './collect.js';
export type { CollectedEvent, CollectedStream, CollectOptions } from './collect.js';
export { expectExact } from './expect-exact.js';

// Wires of your own
export { checkWire } from './check-wire.js';

// Stores of your own
export { describeTaskDriver } from './driver-contract/task-driver.js';
export { TTL_MS as DRIVER_TTL_MS } from './driver-contract/steps.js';
export type { DriverLimits, OpenDrivers, OpenedDrivers } from './driver-contract/steps.js';
export { describeTaskStore } from './store-contract/task-store.js';
export { TTL_MS as STORE_TTL_MS } from './store-contract/steps.js';
export type { OpenedStore, OpenStore, StoreLimits } from './store-contract/opened-store.js';
export { storeSettings } from './store-fixtures.js';
export type { Runner } from './suite.js';
