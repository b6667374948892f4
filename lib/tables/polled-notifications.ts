/** Asks the store for news at intervals, where it notifies nobody by itself. */
import type { Clock } from '../core/clock.js';
import type { Notifications, NotificationListener } from '../distributed/port/notifications.js';
import type { News, Signals } from './signals.js';

/** The pauses between two questions for news, in ms. */
export interface Polling {
  /** While a task is followed, and after this instance has written something. */
  readonly busyMs: number;
  /** While other instances may have something to say. */
  readonly idleMs: number;
}

/** Tells an instance what others write, by asking again and again, and not at all where it is alone and idle. */
export class PolledNotifications implements Notifications {
  readonly #followed = new Set<string>();
  /** No other instance is alive, as far as is known. */
  isAlone = false;
  #cancelPoll: (() => void) | undefined;
  /** The time at which the next poll is due; Infinity where none is. */
  #due = Infinity;
  #isPolling = false;
  #isClosed = false;

  constructor(
    readonly signals: Signals,
    readonly clock: Clock,
    readonly polling: Polling,
    readonly listener: NotificationListener,
  ) {
    // If the store does not answer just now, the first poll finds that anything may have happened.
    signals.begin().catch(() => undefined);
    this.wake();
  }

  async follow(taskId: string): Promise<void> {
    this.#followed.add(taskId);
    this.wake();
    await this.signals.follow(taskId);
  }

  unfollow(taskId: string): void {
    this.#followed.delete(taskId);
    this.signals.unfollow(taskId);
  }

  renew(): void {
    this.signals.renew();
    this.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelPoll?.();
  }

  /** Polls after this long, unless it does so sooner, and then for as long as there may be something to hear. */
  wake(afterMs = this.polling.busyMs): void {
    const due = this.clock.now() + afterMs;
    if (this.#isClosed || this.#due <= due) return;
    this.#cancelPoll?.();
    this.#due = due;
    this.#cancelPoll = this.clock.after(afterMs, () => {
      this.#due = Infinity;
      void this.#poll();
    });
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) {
      this.wake();
      return;
    }
    this.#isPolling = true;
    try {
      const news = await this.signals.hear();
      if (news !== undefined && !this.#isClosed) this.#tell(news);
    } catch {
      // The store does not answer. Nothing counts as heard, so the next poll hears all of it.
    }
    this.#isPolling = false;
    if (this.#followed.size > 0) this.wake();
    else if (!this.isAlone) this.wake(this.polling.idleMs);
  }

  #tell(news: News | 'missed'): void {
    if (news === 'missed') {
      this.listener.missed();
      return;
    }
    for (const taskId of news.grown) this.listener.appended(taskId, undefined);
    for (const note of news.notes) {
      if (note.kind !== 'gone') this.listener.noted(note);
      else if (this.#followed.has(note.taskId)) this.listener.appended(note.taskId, undefined);
    }
  }
}
