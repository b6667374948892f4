/** The least that each stream gets, however many are open, in bytes. */
const LEAST_BYTES = 32_768;
/** Each stream gets one of this many parts of what is left, so that the first is fast and the next gets something too. */
const PARTS = 4;

/** Shares out the bytes by which all workers of a requester together may be ahead. */
export class WindowBudget {
  #left: number;

  /**
   * @param totalBytes the budget of all streams; the least shares may exceed it
   * @param mostBytes the largest share of one stream
   */
  constructor(
    totalBytes: number,
    readonly mostBytes: number,
  ) {
    this.#left = totalBytes;
  }

  /** Returns the window of one more stream, in bytes. */
  take(): number {
    const bytes = Math.min(this.mostBytes, Math.max(LEAST_BYTES, Math.floor(this.#left / PARTS)));
    this.#left -= bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
