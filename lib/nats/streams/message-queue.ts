/** What has come and has not been taken, and a bell for whoever waits for more. */
export class MessageQueue<T> {
  #items: T[] = [];
  #head = 0;
  #bell: Promise<void> | undefined;
  #ring: (() => void) | undefined;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
    this.ring();
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#items.length || this.#head === 1_024) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  /** Resolves with the next `push` or `ring`. */
  changed(): Promise<void> {
    return (this.#bell ??= new Promise((resolve) => (this.#ring = resolve)));
  }

  ring(): void {
    this.#ring?.();
    this.#bell = this.#ring = undefined;
  }
}
