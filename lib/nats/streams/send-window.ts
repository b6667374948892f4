/** Limits how far a sender may be ahead of its reader. All counts only grow, so the next credit makes up for a lost one. */
export class SendWindow {
  #sentMessages = 0;
  #sentBytes = 0;
  #takenMessages = 0;
  #takenBytes = 0;

  constructor(
    readonly maxMessages: number,
    readonly maxBytes: number,
  ) {}

  /** True while there is room for a byte; a message of any size then fits, so that none is too large for the window. */
  get isOpen(): boolean {
    return (
      this.#sentMessages - this.#takenMessages < this.maxMessages && this.#sentBytes - this.#takenBytes < this.maxBytes
    );
  }

  add(bytes: number): void {
    this.#sentMessages++;
    this.#sentBytes += bytes;
  }

  /** Takes the totals that the reader has taken so far. Returns false where they exceed what was sent. */
  credit(messages: number, bytes: number): boolean {
    if (messages > this.#sentMessages || bytes > this.#sentBytes) return false;
    this.#takenMessages = Math.max(this.#takenMessages, messages);
    this.#takenBytes = Math.max(this.#takenBytes, bytes);
    return true;
  }
}
