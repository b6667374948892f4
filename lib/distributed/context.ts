/** Holds the settings and services that all parts of one open store share. */
import type { StoreSettings } from '../core/ports.js';
import type { TaskDriver } from './port/driver.js';

/** The things that all parts of one open store share. */
export interface Context {
  /** This instance, by a name that is never used again. */
  readonly instance: string;
  /** Each of its calls is answered or rejected within `settings.timeoutMs`. */
  readonly driver: TaskDriver;
  readonly settings: StoreSettings;
  readonly leaseMs: number;
  /** The instance gives a sign of life this often, in ms. */
  readonly beatMs: number;
  /** The store keeps a running task that nothing is heard of for this long, in ms. */
  readonly runningTtlMs: number;
}

const MIN_RUNNING_TTL_MS = 60_000;
const MAX_BEAT_MS = 500;

/** Long enough that an ended task outlives the last renewal of its index entries, and a running one several leases. */
export const runningTtlOf = (ttlMs: number, leaseMs: number): number =>
  Math.max(4 * ttlMs, 10 * leaseMs, MIN_RUNNING_TTL_MS);

/** Often enough that a death is noticed within the lease and two seconds. */
export const beatMsOf = (leaseMs: number): number => Math.max(1, Math.min(MAX_BEAT_MS, leaseMs / 10));

/** Between two tries of a call whose answer is needed, in ms. */
export const RETRY_MS = 100;
