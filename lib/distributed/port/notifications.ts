/** Defines how instances wake each other. Nothing here carries meaning of its own: whatever is heard is a reason to look. */
import type { Entry } from './stored.js';

/**
 * A message between instances. A note of any kind arrives as long as nothing fails. It may be lost where something does,
 * doubled or late: it is only ever a reason to look.
 */
export type Note =
  | { readonly kind: 'cancel' | 'audience'; readonly taskId: string }
  | { readonly kind: 'orphan'; readonly handler: string }
  | { readonly kind: 'echo'; readonly nonce: string };

/**
 * Hears what happens in the store. Called in a turn of the event loop of its own, and never from within a call of the
 * driver or its notifications: whoever appends or notifies is in the middle of its own work. Throws nothing.
 */
export interface NotificationListener {
  /** The log of a followed task has grown. `entries`: by these, in order, where they fit into the notification (4 KiB). */
  appended(taskId: string, entries: readonly Entry[] | undefined): void;
  /** Somebody has notified this instance, or all of them. */
  noted(note: Note): void;
  /** Anything may have happened unheard. */
  missed(): void;
}

/** The connection, channel or poll by which this instance is notified. */
export interface Notifications {
  /** Resolves once nothing of the task can go unheard any more; may reject. To follow it twice is to follow it. */
  follow(taskId: string): Promise<void>;
  /**
   * Stops listening to the log of a task, however often it was followed. What is appended from then on is neither heard
   * nor read for it, until it is followed again.
   */
  unfollow(taskId: string): void;
  /** A notification was not heard when it should have been: listen anew, to all that is followed. */
  renew(): void;
  /** Nothing is heard from now on. */
  close(): void;
}
