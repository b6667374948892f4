import type { IoredisLike } from '../../../lib/redis/index.js';

/** Wraps a Redis client: replies to appends can be held back, or lost on their way. */
export class WithheldReplies {
  loseNext = 0;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;
  #arrived: () => void = () => undefined;
  #arrival = new Promise<void>((resolve) => (this.#arrived = resolve));

  readonly wrap = <C>(client: C): C => {
    const intercept = (reply: Promise<unknown>): Promise<unknown> => this.#intercept(reply);
    return new Proxy(client as IoredisLike & object, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'call') return (value as () => unknown).bind(target);
        return (command: string, ...args: string[]) => {
          const reply = target.call(command, ...args);
          const isAppend = command === 'EVALSHA' && args[2]?.endsWith(':events') === true; // its keys are streams
          return isAppend ? intercept(reply) : reply;
        };
      },
    }) as C;
  };

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#gate = undefined;
    this.#open();
  }

  arrived(): Promise<void> {
    return this.#arrival;
  }

  async #intercept(reply: Promise<unknown>): Promise<unknown> {
    const answer = await reply;
    if (this.loseNext > 0) {
      this.loseNext--;
      throw new Error('Connection is closed.');
    }
    if (this.#gate !== undefined) this.#arrived();
    await this.#gate;
    return answer;
  }
}
