/** Wakes the readers of a log when it has grown. */
import { callEach } from '../callbacks.js';
import { runOutsideContext } from '../async-context.js';

/** Is woken when a log has grown or ended. */
export interface Follower {
  wake(): void;
}

/**
 * Wakes the followers of a log in a later turn of the event loop, so that everything one tick appends travels as one
 * write.
 */
export class Followers {
  #waking = false;
  readonly #followers = new Set<Follower>();

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  delete(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** Wakes each follower once, however often it is called in one turn. */
  wakeAll(): void {
    if (this.#waking || this.#followers.size === 0) return;
    this.#waking = true;
    runOutsideContext(Followers.#wakeLater, this);
  }

  static #wakeLater(this: void, followers: Followers): void {
    setImmediate(Followers.#wake, followers);
  }

  static #wake(this: void, followers: Followers): void {
    followers.#waking = false;
    callEach('a follower of a log', followers.#followers, wake);
  }
}

const wake = (follower: Follower): void => {
  follower.wake();
};
