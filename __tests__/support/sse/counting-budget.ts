import type { MemoryBudget } from '../../../lib/core/log/memory.js';

/** A budget that refuses nothing and keeps the sum. */
export class CountingBudget implements MemoryBudget {
  reserved = 0;
  highest = 0;

  reserve(bytes: number): void {
    this.reserved += bytes;
    this.highest = Math.max(this.highest, this.reserved);
  }

  release(bytes: number): void {
    this.reserved -= bytes;
  }

  dropped(): void {
    return undefined;
  }
}
