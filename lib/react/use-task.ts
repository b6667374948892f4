/** Makes `useTask`, which renders what comes from one task. */
import { useInsertionEffect, useState, useSyncExternalStore } from 'react';
import type { StreamTaskOptions } from '../client/index.js';
import { createTaskViewStore, type UseTaskOptions } from './task-view-store.js';
import type { TaskView } from './task-view.js';

/** The task as it is at this render, and the functions that start, resume and cancel it. */
export interface UseTask<P = unknown, R = unknown> extends TaskView<P, R> {
  /**
   * Starts a new task, with other options if need be, whatever the storage knows. One that runs is left behind, not
   * cancelled. A component that is not mounted starts it when it is mounted again.
   */
  readonly start: (options?: StreamTaskOptions<P, R>) => void;
  /** Comes back to the task that the storage knows; becomes `idle` where it knows none. */
  readonly resume: () => void;
  /** Cancels the task; its status becomes `cancelled`, without an error. See `TaskConnection.cancel`. */
  readonly cancel: () => Promise<void>;
}

/**
 * Follows the task at `url` while the component is mounted. Another `url` is another task.
 *
 * @example
 * const { status, text, start } = useTask<string>('/answer', { autoStart: 'resume', storage: sessionStorage });
 */
export function useTask<P = unknown, R = unknown>(url: string, options: UseTaskOptions<P, R> = {}): UseTask<P, R> {
  const [store, setStore] = useState(() => createTaskViewStore<P, R>(url));
  if (store.url !== url) setStore(createTaskViewStore<P, R>(url));
  // Before the subscription and the effects of children, which may start; a render that is thrown away changes nothing.
  useInsertionEffect(() => store.configure(options));
  const view = useSyncExternalStore(store.subscribe, store.view, store.view);
  return { ...view, start: store.start, resume: store.resume, cancel: store.cancel };
}
