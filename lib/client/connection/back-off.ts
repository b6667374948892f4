/** Decides for how long a client waits before it asks again. */

/** The first wait doubles from here, in ms, until the server names another time by `retry:`. */
export const DEFAULT_RETRY_MS = 2_000;
/** A server may say `retry: 0`; a client that obeyed would ask hundreds of times a second. */
const MIN_RETRY_MS = 50;
/** Back-off alone never waits longer. */
const MAX_WAIT_MS = 30_000;
/** A timer takes 2^31 - 1 ms at most, and with more would fire at once. */
export const MAX_DELAY_MS = 2e9;

/** Returns the wait that an answer asks for, in ms: seconds, or a date (RFC 9110, section 10.2.3); 0 or less if it asks for none. */
export function readRetryAfter(headers: Headers): number {
  const text = headers.get('Retry-After') as string; // the cast: null is neither seconds nor a date
  return (/^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()) || 0;
}

/**
 * Returns the wait before retry number `retries + 1` in a row, in ms: exponential back-off with full jitter, that is
 * anything from 0 to `retryMs` doubled `retries` times, so that clients which were cut together do not return together.
 */
export function backOff(retryMs: number, retries: number): number {
  const first = Math.max(retryMs, MIN_RETRY_MS);
  return Math.random() * Math.max(first, Math.min(first * 2 ** retries, MAX_WAIT_MS));
}
