/** A number that only grows, and that can be waited for. */
export class Counter {
  count = 0;
  #waiting: { at: number; resolve: () => void }[] = [];

  add(amount: number): void {
    this.count += amount;
    const due = this.#waiting.filter(({ at }) => at <= this.count);
    this.#waiting = this.#waiting.filter(({ at }) => at > this.count);
    for (const { resolve } of due) resolve();
  }

  async reached(at: number): Promise<void> {
    if (this.count < at) await new Promise<void>((resolve) => this.#waiting.push({ at, resolve }));
  }
}

/** Bytes that may pass. */
export class Meter {
  readonly #granted = new Counter();
  readonly #written = new Counter();
  #taken = 0;

  grant(bytes: number): Promise<void> {
    this.#granted.add(bytes);
    return this.#written.reached(this.#granted.count);
  }

  /** Resolves to how many of `wanted` bytes may pass now, at least one. */
  async take(wanted: number): Promise<number> {
    // Several connections may wake for the same byte: whoever finds it gone waits for the next.
    while (this.#granted.count <= this.#taken) await this.#granted.reached(this.#taken + 1);
    const size = Math.min(wanted, this.#granted.count - this.#taken);
    this.#taken += size;
    return size;
  }

  /** Notes that the bytes from `take` have been written. */
  done(size: number): void {
    this.#written.add(size);
  }
}

/** Open until it is shut. */
export class Gate {
  #closed = false;
  readonly #waiting: (() => void)[] = [];

  shut(): void {
    this.#closed = true;
  }

  open(): void {
    this.#closed = false;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async passable(): Promise<void> {
    while (this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
