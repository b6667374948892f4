/** Queues the batches of one task, and bounds the memory they take. */
import type { Clock } from '../../core/clock.js';
import { PendingBatch } from './pending-batch.js';

/** The bytes that may always wait, however little the log may keep: a burst within one tick is no outage. */
const LEAST_BYTES = 1_048_576;

/** The batches of one task that wait to be sent, in order. */
export class WriteQueue {
  #batches: PendingBatch[] = [];
  /** The size of all of them in memory, about. */
  #bytes = 0;
  readonly #maxBytes: number;

  /** @param maxBytes how much of one task may wait, in bytes of memory, about */
  constructor(
    readonly clock: Clock,
    maxBytes: number,
  ) {
    this.#maxBytes = Math.max(maxBytes, LEAST_BYTES);
  }

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Tells whether an event may wait, too. One that nothing waits before always may. */
  hasRoomFor(json: string): boolean {
    return this.empty || this.#bytes + json.length <= this.#maxBytes;
  }

  /** Adds an event to the last batch, or begins another one. */
  add(event: string | undefined, json: string): PendingBatch {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.full) this.#batches.push((batch = new PendingBatch(this.clock.now())));
    this.#bytes += batch.add(event, json);
    return batch;
  }

  take(): PendingBatch | undefined {
    return this.#taken(this.#batches.splice(0, 1))[0];
  }

  /** Takes out what has waited since before `startedMs`, but no terminal event. */
  takeOlder(startedMs: number): PendingBatch[] {
    const older = this.#batches.filter((batch) => batch.startedMs <= startedMs && batch.final === undefined);
    if (older.length > 0) this.#batches = this.#batches.filter((batch) => !older.includes(batch));
    return this.#taken(older);
  }

  takeAll(): PendingBatch[] {
    return this.#taken(this.#batches.splice(0));
  }

  /** Resolves when everything that waits now has met its fate. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#batches.map(({ done }) => done));
  }

  #taken(batches: PendingBatch[]): PendingBatch[] {
    for (const { bytes } of batches) this.#bytes -= bytes;
    return batches;
  }
}
