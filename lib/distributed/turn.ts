/** Does what one tick has to do together in the next turn of the event loop, so that its calls travel together. */
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
