/** Hears what other instances publish, on a connection of its own. */
import { ignore } from '../core/optional-promise.js';
import type { Bell, Ears, Note } from '../distributed/port/bell.js';
import type { RedisListener, RedisPort } from './clients/client-port.js';
import type { Keys } from './keys.js';
import { parseEntry } from './log-entry.js';

/**
 * Subscribes to everything again whenever its connection is ready, because that may have been lost unnoticed, or may not
 * have been able to subscribe the first time.
 */
export class RedisBell implements Bell {
  readonly #followed = new Set<string>();
  #listener: RedisListener;
  #closed = false;

  constructor(
    readonly port: RedisPort,
    readonly keys: Keys,
    readonly instance: string,
    readonly ears: Ears,
  ) {
    this.#listener = this.#listen();
  }

  async follow(taskId: string): Promise<void> {
    const channel = this.keys.events(taskId);
    this.#followed.add(channel);
    await this.#listener.subscribe(channel);
  }

  unfollow(taskId: string): void {
    const channel = this.keys.events(taskId);
    if (this.#followed.delete(channel)) this.#listener.unsubscribe(channel).catch(ignore);
  }

  renew(): void {
    if (this.#closed) return;
    this.#listener.close();
    this.#listener = this.#listen();
    this.#subscribe(this.#listener);
  }

  close(): void {
    this.#closed = true;
    this.#listener.close();
  }

  #listen(): RedisListener {
    const listener = this.port.listen(
      (channel, message) => {
        if (!this.#closed) this.#hear(channel, message);
      },
      () => {
        if (this.#listener === listener) this.#subscribe(listener);
      },
    );
    for (const instance of [this.instance, undefined]) listener.subscribe(this.keys.bell(instance)).catch(ignore);
    return listener;
  }

  /** Tells that something may have been missed once everything is followed again. */
  #subscribe(listener: RedisListener): void {
    const channels = [this.keys.bell(this.instance), this.keys.bell(undefined), ...this.#followed];
    Promise.all(channels.map((channel) => listener.subscribe(channel))).then(() => {
      if (!this.#closed && this.#listener === listener) this.ears.missed();
    }, ignore); // the rules notice that nothing is heard, and renew
  }

  #hear(channel: string, message: string): void {
    if (channel.endsWith(':events')) {
      const taskId = this.keys.taskOf(channel);
      const space = message.indexOf(' ');
      const entries = space < 0 ? undefined : [parseEntry(message.slice(0, space), message.slice(space + 1))];
      if (this.#followed.has(channel)) this.ears.appended(taskId, entries);
      return;
    }
    const note = parseNote(message);
    if (note !== undefined) this.ears.noted(note);
  }
}

/** Undefined for what another version may say. */
function parseNote(message: string): Note | undefined {
  try {
    return JSON.parse(message) as Note;
  } catch {
    return undefined;
  }
}
