/** What one tick has to do is done together in the next turn of the event loop, so that its commands travel together. */
export class Turn {
  #due: (() => void)[] = [];

  add(work: () => void): void {
    if (this.#due.push(work) === 1) setImmediate(this.#run);
  }

  readonly #run = (): void => {
    const due = this.#due;
    this.#due = [];
    for (const work of due) work();
  };
}
