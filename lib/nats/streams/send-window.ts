/** How far a sender may be ahead of its reader. Counts grow only, so that a lost credit is made up for by the next. */
export class SendWindow {
  #sentMessages = 0;
  #sentBytes = 0;
  #takenMessages = 0;
  #takenBytes = 0;

  constructor(
    readonly maxMessages: number,
    readonly maxBytes: number,
  ) {}

  /** How many messages have been sent: the seq of the last. */
  get sent(): number {
    return this.#sentMessages;
  }

  /** A message of any size fits as long as there is room for a byte: none is too large for the window. */
  get isOpen(): boolean {
    return (
      this.#sentMessages - this.#takenMessages < this.maxMessages && this.#sentBytes - this.#takenBytes < this.maxBytes
    );
  }

  add(bytes: number): void {
    this.#sentMessages++;
    this.#sentBytes += bytes;
  }

  /** What the reader has taken in all. False for what cannot be: more than was sent. */
  credit(messages: number, bytes: number): boolean {
    if (messages > this.#sentMessages || bytes > this.#sentBytes) return false;
    this.#takenMessages = Math.max(this.#takenMessages, messages);
    this.#takenBytes = Math.max(this.#takenBytes, bytes);
    return true;
  }
}
