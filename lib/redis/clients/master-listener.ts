/** Hears channels through one master of a client that knows several nodes. */
import { unavailable } from '../../core/errors.js';
import { ignore } from '../../core/optional-promise.js';
import type { RedisListener } from './client-port.js';

const NOT_FOUND = 'The client has not found a master yet';

/** Picks one at random, so that those who listen are spread over all. @throws TaskError `STORE_UNAVAILABLE` where there is none */
export function pickMaster<T>(masters: readonly T[]): T {
  const master = masters[Math.floor(Math.random() * masters.length)];
  if (master === undefined) throw unavailable(NOT_FOUND);
  return master;
}

/**
 * Hears channels over a plain connection to one master. A client of several nodes moves its own subscriptions to another
 * connection without a word, so nobody knows that something was missed meanwhile; a plain one says when it is connected
 * again. Any master will do, because those of a cluster pass on to each other what is published.
 */
export class MasterListener implements RedisListener {
  #opening: Promise<RedisListener> | undefined;
  readonly #ignoreFound: () => void;

  /** @param onFound calls back whenever the client has found its masters, or another one; returns how to stop that */
  constructor(
    readonly open: () => RedisListener | Promise<RedisListener>,
    isFound: boolean,
    onFound: (listener: () => void) => () => void,
  ) {
    this.#ignoreFound = onFound(this.#open);
    if (isFound) this.#open();
  }

  async subscribe(channel: string): Promise<unknown> {
    if (this.#opening === undefined) throw unavailable(NOT_FOUND);
    return (await this.#opening).subscribe(channel);
  }

  async unsubscribe(channel: string): Promise<unknown> {
    return (await this.#opening)?.unsubscribe(channel);
  }

  close(): void {
    this.#ignoreFound();
    this.#leave();
  }

  readonly #open = (): void => {
    this.#leave();
    this.#opening = Promise.resolve().then(this.open);
    this.#opening.catch(ignore); // nothing is heard, so the rules listen anew
  };

  #leave(): void {
    this.#opening?.then((listener) => {
      listener.close();
    }, ignore);
    this.#opening = undefined;
  }
}
