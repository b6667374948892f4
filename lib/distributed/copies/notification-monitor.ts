/** Listens to the notifications of the store, and notices when they have fallen silent. */
import { ignore } from '../../core/optional-promise.js';
import { randomUUID } from 'node:crypto';
import type { Notifications, NotificationListener, Note } from '../port/notifications.js';
import type { Context } from '../context.js';
import type { Entry } from '../port/stored.js';

/** An echo that is not heard within so many beats was lost, and others may have been. */
const ECHO_BEATS = 4;

/**
 * Listens to the store, and knows whether it still hears: it notifies itself once per lease. While it does not hear, it
 * listens anew, and what is followed has to be looked at.
 */
export class NotificationMonitor implements NotificationListener {
  #notifications: Notifications | undefined;
  #closed = false;
  #echo: { readonly nonce: string; readonly sentMs: number } | undefined;
  #heardMs = -Infinity;
  #isSilent = false;

  /** @param listener is told what is heard, and that something was missed */
  constructor(
    readonly context: Context,
    readonly listener: NotificationListener,
  ) {}

  /** A notification was not heard when it should have been. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Begins to listen, once there is something to listen to. */
  start(): void {
    if (this.#notifications === undefined && !this.#closed) this.#notifications = this.context.driver.listen(this);
  }

  async follow(taskId: string): Promise<void> {
    this.start();
    await this.#notifications?.follow(taskId);
  }

  unfollow(taskId: string): void {
    this.#notifications?.unfollow(taskId);
  }

  close(): void {
    this.#closed = true;
    this.#notifications?.close();
    this.#notifications = undefined;
  }

  appended(taskId: string, entries: readonly Entry[] | undefined): void {
    if (!this.#closed) this.listener.appended(taskId, entries);
  }

  noted(note: Note): void {
    if (this.#closed) return;
    if (note.kind !== 'echo') this.listener.noted(note);
    else if (note.nonce === this.#echo?.nonce) {
      this.#heardMs = this.context.settings.clock.now();
      this.#echo = undefined;
      this.#isSilent = false;
    }
  }

  missed(): void {
    if (!this.#closed) this.listener.missed();
  }

  /** One tick: notifies itself where that is due, and listens anew where it was not heard. */
  check(): void {
    if (this.#notifications === undefined) return;
    const { clock } = this.context.settings;
    const now = clock.now();
    if (this.#echo !== undefined) {
      if (now - this.#echo.sentMs < ECHO_BEATS * this.context.beatMs) return;
      this.#isSilent = true;
      this.#notifications.renew();
      this.listener.missed();
      // The next one goes with the next beat: the new connection would not hear it before it has subscribed.
      this.#echo = undefined;
      this.#heardMs = -Infinity;
      return;
    }
    if (now - this.#heardMs < this.context.leaseMs) return;
    this.#echo = { nonce: randomUUID(), sentMs: now };
    this.context.driver.notify(this.context.instance, { kind: 'echo', nonce: this.#echo.nonce }).catch(ignore);
  }
}
