/** Translates the options of a manager into the settings of its store. */
import type { ResolvedOptions } from './engine-options.js';
import type { OrphanRunner, StoreSettings } from '../ports.js';

/** Returns the settings that the store of a manager is opened with. */
export function storeSettingsOf(
  options: ResolvedOptions,
  encode: StoreSettings['encode'],
  orphanRunner: OrphanRunner,
): StoreSettings {
  const { clock, ttlMs, maxBufferedBytes, maxTasksPerOwner, appendPatienceMs } = options;
  const { onLost, maxAttempts, orphanDeadlineMs } = options;
  return {
    clock,
    ttlMs,
    log: { maxEvents: options.maxEventsPerTask, maxBytes: options.maxBytesPerTask },
    maxBufferedBytes,
    maxTasksPerOwner,
    timeoutMs: options.storeTimeoutMs,
    appendPatienceMs,
    onLost,
    maxAttempts,
    orphanDeadlineMs,
    orphanRunner,
    encode,
  };
}
