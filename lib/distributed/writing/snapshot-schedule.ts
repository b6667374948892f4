/** Decides when the folded state of a task is stored. */
import type { LogLimits } from '../../core/log/event-log.js';

/** A snapshot is stored again after this long, or after this part of what the log keeps. */
const STORED_EVERY_MS = 1_000;
const STORED_EVERY_PART = 16;

/** Decides when the state of a task is stored, so that a trimmed log always goes on from one. */
export class SnapshotSchedule {
  #storedAt = -Infinity;
  #unsaved = 0;

  constructor(readonly limits: LogLimits) {}

  /** Tells whether it is time to store the state, together with so many events more. */
  isDue(events: number, bytes: number, nowMs: number): boolean {
    this.#unsaved += Math.max(events / this.limits.maxEvents, bytes / this.limits.maxBytes);
    const isDue = this.#unsaved > 1 / STORED_EVERY_PART || nowMs - this.#storedAt >= STORED_EVERY_MS;
    if (!isDue) return false;
    this.#unsaved = 0;
    this.#storedAt = nowMs;
    return true;
  }
}
