/** Runs functions under one name one after the other. */
export class OneByOne {
  /** The last unfinished run of each name. */
  readonly #last = new Map<string, Promise<void>>();

  /** Calls `run` when everything before it under this name has finished, successfully or not. */
  run<T>(name: string, run: () => Promise<T>): Promise<T> {
    const running = (this.#last.get(name) ?? Promise.resolve()).then(run);
    const over = running.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, over);
    void over.then(() => {
      if (this.#last.get(name) === over) this.#last.delete(name);
    });
    return running;
  }
}
