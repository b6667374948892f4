import { PendingBatch } from './pending-batch.js';

/** The bytes that may always wait, however little the log may keep: a burst within one tick is no outage. */
const LEAST_BYTES = 1_048_576;

/** The batches of one task that wait to be sent, in order. */
export class WriteQueue {
  #batches: PendingBatch[] = [];

  /** @param maxBytes how much of one task may wait, in bytes of memory, about */
  constructor(readonly maxBytes: number) {}

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Whether an event may wait, too. One that nothing waits before always may. */
  hasRoomFor(json: string): boolean {
    if (this.empty) return true;
    const waiting = this.#batches.reduce((sum, { bytes }) => sum + bytes, 0);
    return waiting + json.length <= Math.max(this.maxBytes, LEAST_BYTES);
  }

  /** Adds an event to the last batch, or begins another one. */
  add(event: string | undefined, json: string, nowMs: number): PendingBatch {
    let batch = this.#batches.at(-1);
    if (batch === undefined || batch.full) this.#batches.push((batch = new PendingBatch(nowMs)));
    batch.add(event, json);
    return batch;
  }

  take(): PendingBatch | undefined {
    return this.#batches.shift();
  }

  /** Takes out what has waited since before `startedMs`, but no terminal event. */
  takeOlder(startedMs: number): PendingBatch[] {
    const older = this.#batches.filter((batch) => batch.startedMs <= startedMs && batch.final === undefined);
    if (older.length > 0) this.#batches = this.#batches.filter((batch) => !older.includes(batch));
    return older;
  }

  takeAll(): PendingBatch[] {
    return this.#batches.splice(0);
  }

  /** Resolves when everything that waits now has met its fate. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#batches.map(({ done }) => done));
  }
}
