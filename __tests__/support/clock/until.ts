export { until } from '../../../lib/testing/until.js';

/** For what is broken for a while: how long that lasts is the fault itself, not a wait for something to happen. */
export const standStill = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
