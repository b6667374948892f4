/** Remembers in a storage how a task ended, so that a page that is reloaded shows it again and runs nothing. */
import { StreamError, type StreamTaskOptions } from '../client/index.js';
import { attempt } from '../client/storage.js';
import type { TaskView } from './task-view-store.js';

export type Ended = 'completed' | 'failed' | 'cancelled';

/** A view of a task that has ended. */
type EndedView<P, R> = TaskView<P, R> & { readonly status: Ended };

export interface EndedItem<P, R> {
  /** Returns the end that is remembered; undefined where there is none, or where a newer task took its place. */
  readonly read: () => EndedView<P, R> | undefined;
  /** Remembers an end, unless a newer task has taken its place. */
  readonly keep: (view: EndedView<P, R>) => void;
  readonly forget: () => undefined;
}

/** Opens the item beside the one in which the client remembers a running task. */
export function openEndedItem<P, R>({ storage, storageKey = '' }: StreamTaskOptions<P, R>): EndedItem<P, R> {
  const name = `${storageKey}:ended`;
  const isRunning = (): boolean => !!attempt(() => storage?.getItem(storageKey));
  const write = (view: object): boolean | undefined =>
    attempt(() => {
      storage?.setItem(name, JSON.stringify(view));
      return true;
    });
  return {
    read: () =>
      isRunning()
        ? undefined
        : attempt(() => {
            const kept = JSON.parse(storage?.getItem(name) ?? '') as EndedView<P, R>;
            const { code, message } = Object(kept.error) as StreamError;
            return { ...kept, error: kept.error ? new StreamError(code, message) : undefined };
          }),
    keep(view) {
      const { status, error, events } = view;
      const { code, message } = Object(error) as StreamError;
      const last = events.slice(-1);
      if (isRunning()) return;
      // What does not fit is still known to have ended.
      if (!write({ ...view, error: error && { code, message }, events: last })) write({ status, text: '', events: [] });
    },
    forget: () => attempt(() => storage?.removeItem(name)) as undefined,
  };
}
