/** A first-in-first-out queue whose reader can wait for the next change. */
export class MessageQueue<T> {
  #items: T[] = [];
  #head = 0;
  #change: Promise<void> | undefined;
  #resolveChange: (() => void) | undefined;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
    this.notify();
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

  /** Resolves at the next `push` or `notify`. */
  changed(): Promise<void> {
    return (this.#change ??= new Promise((resolve) => (this.#resolveChange = resolve)));
  }

  notify(): void {
    this.#resolveChange?.();
    this.#change = this.#resolveChange = undefined;
  }
}
