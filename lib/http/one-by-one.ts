/** Runs what has one name one after the other. */
export class OneByOne {
  /** The last under way of each name. */
  readonly #last = new Map<string, Promise<void>>();

  /** Calls `run` when everything before it under this name is over, however that ended. */
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
