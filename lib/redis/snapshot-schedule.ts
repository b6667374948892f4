import type { StoreSettings } from '../core/ports.js';
import type { Batch } from './batch.js';

/** A snapshot is stored again after this long, or after this part of what the log keeps. */
const STORED_EVERY_MS = 1_000;
const STORED_EVERY_PART = 16;

/** The state at `seq`. */
export interface StoredSnapshot {
  readonly seq: number;
  readonly json: string;
}

/** When the state of a task is stored, so that a trimmed log always goes on from one. */
export class SnapshotSchedule {
  #storedAt = -Infinity;
  #unsaved = 0;

  constructor(
    readonly settings: Pick<StoreSettings, 'log'>,
    readonly stateJson: () => string | undefined,
  ) {}

  /** The state as JSON where it is time to store it with `batch`. */
  due(batch: Batch): string | undefined {
    const { log } = this.settings;
    this.#unsaved += Math.max(batch.events.length / log.maxEvents, batch.length / log.maxBytes);
    const isDue = this.#unsaved > 1 / STORED_EVERY_PART || batch.startedMs - this.#storedAt >= STORED_EVERY_MS;
    if (!isDue && batch.final === undefined) return undefined;
    this.#unsaved = 0;
    this.#storedAt = batch.startedMs;
    return this.stateJson();
  }
}
