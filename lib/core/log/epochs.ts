/**
 * Records which holder of a task wrote which of its events. The first holder has epoch 1, and each instance that takes
 * the task over begins a higher one. Nearly every log knows a single epoch.
 */
export class Epochs {
  /** Each epoch above 1 and the seq of its first event. */
  readonly #begun: { readonly epoch: number; readonly from: number }[] = [];

  /** Notes that the events from `from` on belong to `epoch`, which is higher than all before. */
  begin(epoch: number, from: number): void {
    if (epoch <= this.current) return;
    if (this.#begun.at(-1)?.from === from) this.#begun.pop(); // that one wrote nothing
    this.#begun.push({ epoch, from });
  }

  /** Forgets the epochs of the events from `from` on. */
  forgetFrom(from: number): void {
    while ((this.#begun.at(-1)?.from ?? -1) >= from) this.#begun.pop();
  }

  get current(): number {
    return this.#begun.at(-1)?.epoch ?? 1;
  }

  /** Returns the epoch of the event `seq`. */
  at(seq: number): number {
    for (let i = this.#begun.length - 1; i >= 0; i--) {
      const { epoch, from } = this.#begun[i] as { epoch: number; from: number };
      if (seq >= from) return epoch;
    }
    return 1;
  }

  /**
   * Returns the last event on which a reader that has the event `seq` of `epoch` agrees with a log that ends at
   * `lastSeq`: `seq` itself where the log has that event, else the last event before it that both surely have.
   */
  agreed(seq: number, epoch: number, lastSeq: number): number {
    if (seq <= lastSeq && (seq === 0 || this.at(seq) === epoch)) return seq;
    const known = epoch === 1 || this.#begun.some((each) => each.epoch === epoch);
    const next = this.#begun.find((each) => !known || each.epoch > epoch);
    return Math.min(seq, lastSeq, next === undefined ? Infinity : next.from - 1);
  }
}
