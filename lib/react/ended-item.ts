/** Remembers in a storage how a task ended, so that a page that is reloaded shows it again and runs nothing. */
import type { StreamError, TaskStorage } from '../client/index.js';
import { attempt } from '../client/storage.js';
import type { Ended, TaskView } from './task-view.js';

/** The view of a task that has ended. */
interface EndedView<P, R> extends TaskView<P, R> {
  readonly status: Ended;
}

/** The item in which a task's end is remembered, beside the one in which the client remembers a running task. */
export interface EndedItem<P, R> {
  /** Returns the view of the end; undefined where there is none, or where a newer task took its place. */
  readonly read: () => EndedView<P, R> | undefined;
  /** Remembers an end, unless a newer task has taken its place. Events are not kept. */
  readonly keep: (view: EndedView<P, R>) => void;
  /** Forgets the end, since a new task starts. */
  readonly forget: () => void;
}

/** Opens the item that belongs to `storageKey`. */
export function openEndedItem<P, R>(storage: TaskStorage | undefined, storageKey = ''): EndedItem<P, R> {
  const name = `${storageKey}:ended`;
  const isReplaced = (): boolean => !!storage?.getItem(storageKey);
  return {
    read: () =>
      attempt(() => (isReplaced() ? undefined : (JSON.parse(storage?.getItem(name) ?? '') as EndedView<P, R>))),
    keep(view) {
      const { status, error } = view;
      const { code, message } = Object(error) as StreamError;
      const least = { status, text: '', events: [] };
      // Write the least first: if all of it does not fit, the end itself is still remembered.
      for (const kept of [least, { ...view, ...least, text: view.text, error: error && { code, message } }]) {
        attempt(() => isReplaced() || storage?.setItem(name, JSON.stringify(kept)));
      }
    },
    forget: () => attempt(() => storage?.removeItem(name)),
  };
}
