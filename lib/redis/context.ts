import type { StoreSettings } from '../core/ports.js';
import type { Appender } from './appender.js';
import type { Commands, Script } from './commands.js';
import type { Keys } from './keys.js';
import type { Turn } from './turn.js';

/** What every part of one store shares. */
export interface Context {
  /** This instance, by a name that is never used again. */
  readonly instance: string;
  readonly keys: Keys;
  readonly commands: Commands;
  readonly settings: StoreSettings;
  readonly turn: Turn;
  readonly leaseMs: number;
  /** For how long keys of a task that runs are kept without a sign of life of its instance, in ms. */
  readonly runningTtlMs: number;
  readonly appender: Appender;
  readonly appendScript: Script;
  /** Whether another instance is, as far as this one can tell. */
  readonly isDead: (instance: string) => boolean;
}

const FEW = 60_000;

/** Long enough that a finished task outlives its indexes' last renewal, and a running one several leases. */
export const runningTtlOf = (ttlMs: number, leaseMs: number): number => Math.max(4 * ttlMs, 10 * leaseMs, FEW);
