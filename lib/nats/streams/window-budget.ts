/** However many streams are open, each gets so much. */
const LEAST_BYTES = 32_768;
/** Each gets this part of what is left, so that the first is fast and there is something for the next. */
const PARTS = 4;

/** How far all workers of a requester together may be ahead, shared out as streams open. */
export class WindowBudget {
  #left: number;

  /**
   * @param totalBytes of all streams; what the least shares take beyond it is not counted
   * @param mostBytes of one
   */
  constructor(
    totalBytes: number,
    readonly mostBytes: number,
  ) {
    this.#left = totalBytes;
  }

  /** The window of one more stream. */
  take(): number {
    const bytes = Math.min(this.mostBytes, Math.max(LEAST_BYTES, Math.floor(this.#left / PARTS)));
    this.#left -= bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
