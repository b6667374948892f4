/**
 * Timers and wake-ups of the library serve many requests, so they must not run in the AsyncLocalStorage context of
 * whichever request happened to set them up: its values would leak into the work for others, and be kept alive by it.
 */
import { AsyncResource } from 'node:async_hooks';

/** It is made when the library is loaded, which belongs to no request. */
const LOADING = new AsyncResource('resumable-sse');

/** Calls `fn`, and runs what it schedules, in no request's context. */
export function runOutsideContext<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
  return LOADING.runInAsyncScope(fn, undefined, ...args);
}
