/**
 * Keeps items until they fall due. Items with equal delays fall due in the order they came, so one first-in-first-out
 * queue per distinct delay needs no sorting: adding and removing cost O(1), and taking what is due costs what is due
 * plus the number of distinct delays, however many items wait.
 */
export class Deadlines<T> {
  readonly #queues = new Map<number, Map<T, number>>();

  /**
   * Adds `item`, which falls due `delayMs` after `nowMs`; with Infinity it never does. An item that waits already
   * starts anew.
   */
  add(item: T, delayMs: number, nowMs: number): void {
    if (delayMs === Infinity) return;
    let queue = this.#queues.get(delayMs);
    if (queue === undefined) this.#queues.set(delayMs, (queue = new Map<T, number>()));
    queue.delete(item);
    queue.set(item, nowMs + delayMs);
  }

  /** Forgets `item`, which was added with `delayMs`. */
  delete(item: T, delayMs: number): void {
    const queue = this.#queues.get(delayMs);
    if (queue?.delete(item) && queue.size === 0) this.#queues.delete(delayMs);
  }

  /** The time at which the first item falls due, or Infinity where nothing waits. */
  get nextMs(): number {
    let next = Infinity;
    for (const queue of this.#queues.values()) {
      const { value } = queue.values().next();
      next = Math.min(next, value ?? Infinity);
    }
    return next;
  }

  /** Takes out everything that is due at `nowMs`. */
  take(nowMs: number): T[] {
    const due: T[] = [];
    for (const [delayMs, queue] of this.#queues) {
      for (const [item, dueMs] of queue) {
        if (dueMs > nowMs) break;
        due.push(item);
        queue.delete(item);
      }
      if (queue.size === 0) this.#queues.delete(delayMs);
    }
    return due;
  }
}
