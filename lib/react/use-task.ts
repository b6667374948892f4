import { useEffect, useState, useSyncExternalStore } from 'react';
import type { StreamTaskOptions } from '../client/index.js';
import { createTaskStore, type TaskView, type UseTaskOptions } from './task-store.js';

export interface UseTask<P, R> extends TaskView<P, R> {
  /** Starts the task, with other options if need be; one that runs is left behind, not cancelled. */
  readonly start: (options?: StreamTaskOptions<P, R>) => void;
  readonly cancel: () => Promise<void>;
}

/** Follows the task at `url` while the component is mounted. Another `url` is another task. */
export function useTask<P = unknown, R = unknown>(url: string, options: UseTaskOptions<P, R> = {}): UseTask<P, R> {
  const [store, setStore] = useState(() => createTaskStore<P, R>(url));
  if (store.url !== url) setStore(createTaskStore<P, R>(url));
  useEffect(() => store.configure(options)); // before the subscription, which may start
  const view = useSyncExternalStore(store.subscribe, store.view, store.view);
  return { ...view, start: store.start, cancel: store.cancel };
}
