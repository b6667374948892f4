/** How long a client waits before it comes back, in ms, as long as the server has said nothing else. */
export const DEFAULT_RETRY_MS = 2_000;
/** No wait grows longer by itself. */
const MAX_WAIT_MS = 30_000;
/** A timer takes 2^31 - 1 ms at most, and with more would fire at once. */
export const MAX_DELAY_MS = 2e9;

/**
 * Exponential back-off with full jitter, in ms: anything from 0 to `retryMs` doubled with each of `failures` in a row, so
 * that clients which were cut at once do not come back at once.
 */
export function backOff(retryMs: number, failures: number): number {
  return Math.random() * Math.max(retryMs, Math.min(retryMs * 2 ** failures, MAX_WAIT_MS));
}
