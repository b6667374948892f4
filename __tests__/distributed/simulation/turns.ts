/**
 * Turns of the event loop that a test takes by itself: whatever is put off by `setImmediate` waits here. So it is known
 * when nothing is left to be done, and a turn costs next to nothing.
 */
export class Turns {
  readonly #setImmediate = globalThis.setImmediate;
  #due: (() => void)[] = [];

  constructor() {
    const put = (fn: (...args: unknown[]) => void, ...args: unknown[]): void => {
      this.#due.push(() => fn(...args));
    };
    globalThis.setImmediate = put as unknown as typeof setImmediate;
  }

  /** Lets everything happen that needs no time: promises, and what they and each other put off. */
  async settle(): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => this.#setImmediate(resolve)); // by then all promises have been served
      if (this.#due.length === 0) return;
      const due = this.#due;
      this.#due = [];
      for (const fn of due) fn();
    }
  }

  restore(): void {
    globalThis.setImmediate = this.#setImmediate;
  }
}
