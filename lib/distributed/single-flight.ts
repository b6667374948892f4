/** Runs one piece of work at a time: calls that come meanwhile are all served by one more run after it. */
export class SingleFlight {
  #running: Promise<void> | undefined;
  #again = false;

  constructor(readonly work: () => Promise<void>) {}

  run(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    return (this.#running = this.#run().finally(() => (this.#running = undefined)));
  }

  async #run(): Promise<void> {
    do {
      this.#again = false;
      await this.work();
    } while (this.#again as boolean);
  }
}
