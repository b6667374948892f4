/** Hears what other instances publish, on a connection of its own. */
import { ignore } from '../core/optional-promise.js';
import type { Notifications, NotificationListener, Note } from '../distributed/port/notifications.js';
import type { RedisListener, RedisPort } from './clients/client-port.js';
import type { Keys } from './keys.js';
import { parseEntry } from './log-entry.js';

/**
 * Subscribes to everything again whenever its connection is ready, because that may have been lost unnoticed, or may not
 * have been able to subscribe the first time.
 */
export class RedisNotifications implements Notifications {
  readonly #followed = new Set<string>();
  #connection: RedisListener;
  #closed = false;

  constructor(
    readonly port: RedisPort,
    readonly keys: Keys,
    readonly instance: string,
    readonly listener: NotificationListener,
  ) {
    this.#connection = this.#listen();
  }

  async follow(taskId: string): Promise<void> {
    const channel = this.keys.events(taskId);
    this.#followed.add(channel);
    await this.#connection.subscribe(channel);
  }

  unfollow(taskId: string): void {
    const channel = this.keys.events(taskId);
    if (this.#followed.delete(channel)) this.#connection.unsubscribe(channel).catch(ignore);
  }

  renew(): void {
    if (this.#closed) return;
    this.#connection.close();
    this.#connection = this.#listen();
    this.#subscribe(this.#connection);
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
  }

  #listen(): RedisListener {
    const connection = this.port.listen(
      (channel, message) => {
        if (!this.#closed) this.#hear(channel, message);
      },
      () => {
        if (this.#connection === connection) this.#subscribe(connection);
      },
    );
    for (const instance of [this.instance, undefined])
      connection.subscribe(this.keys.notifications(instance)).catch(ignore);
    return connection;
  }

  /** Tells that something may have been missed once everything is followed again. */
  #subscribe(connection: RedisListener): void {
    const channels = [this.keys.notifications(this.instance), this.keys.notifications(undefined), ...this.#followed];
    Promise.all(channels.map((channel) => connection.subscribe(channel))).then(() => {
      if (!this.#closed && this.#connection === connection) this.listener.missed();
    }, ignore); // the rules notice that nothing is heard, and renew
  }

  #hear(channel: string, message: string): void {
    if (channel.endsWith(':events')) {
      const taskId = this.keys.taskOf(channel);
      const space = message.indexOf(' ');
      const entries = space < 0 ? undefined : [parseEntry(message.slice(0, space), message.slice(space + 1))];
      if (this.#followed.has(channel)) this.listener.appended(taskId, entries);
      return;
    }
    const note = parseNote(message);
    if (note !== undefined) this.listener.noted(note);
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
