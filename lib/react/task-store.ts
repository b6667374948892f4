import {
  streamTask,
  type ConnectionState,
  type StreamTaskOptions,
  type TaskConnection,
  type TaskEvent,
} from '../client/index.js';

/** `idle` before the start; then what the connection does, and, once it is known, how the task ended. */
export type UseTaskStatus = 'idle' | ConnectionState | 'completed' | 'failed' | 'cancelled';

export interface UseTaskOptions<P = unknown, R = unknown> extends StreamTaskOptions<P, R> {
  /** Start with the first render; else with `start()`. Default: true. */
  autoStart?: boolean | undefined;
}

export interface TaskView<P, R> {
  readonly status: UseTaskStatus;
  /** The last one. */
  readonly progress: P | undefined;
  /** All of them so far; a snapshot stands for those before it. */
  readonly events: readonly TaskEvent<P, R>[];
  readonly result: R | undefined;
  /** A StreamError, or the reason of `signal`. */
  readonly error: unknown;
}

/** What `useSyncExternalStore` needs, and what a user does. */
interface TaskStore<P, R> {
  readonly url: string;
  readonly view: () => TaskView<P, R>;
  readonly configure: (options: UseTaskOptions<P, R>) => void;
  readonly start: (options?: StreamTaskOptions<P, R>) => void;
  readonly cancel: () => Promise<void>;
  readonly subscribe: (listener: () => void) => () => void;
}

const IDLE = { status: 'idle', progress: undefined, events: [], result: undefined, error: undefined } as const;

/** The task outside of React: a component that is mounted twice in one turn, as StrictMode does, finds it running. */
export function createTaskStore<P, R>(url: string): TaskStore<P, R> {
  let view: TaskView<P, R> = IDLE;
  let options: UseTaskOptions<P, R> = {};
  let connection: TaskConnection<P, R> | undefined;
  const listeners = new Set<() => void>();
  /** One for all automatic starts: whoever unmounts and comes back finds the same task. */
  const idempotencyKey = crypto.getRandomValues(new Uint32Array(4)).join('-');
  const show = (change: Partial<TaskView<P, R>>): void => {
    view = { ...view, ...change };
    for (const listener of listeners) listener();
  };

  const start = (given?: StreamTaskOptions<P, R>): void => {
    connection?.close();
    view = IDLE;
    const all = { ...options, ...given };
    const own = (connection = streamTask<P, R>(url, {
      ...all,
      onEvent(event) {
        if (own !== connection) return;
        const events = event.kind === 'snapshot' ? [event] : [...view.events, event];
        show(event.kind === 'progress' ? { events, progress: event.data } : { events });
        all.onEvent?.(event);
      },
      onStateChange(status) {
        if (own === connection && status !== 'closed') show({ status });
        all.onStateChange?.(status);
      },
    }));
    show({ status: own.state });
    const settle = (change: Partial<TaskView<P, R>>): void => {
      if (own === connection) show(change);
    };
    own.result.then(
      (result) => settle({ status: 'completed', result }),
      (error: unknown) => {
        const last = view.events.at(-1)?.kind;
        settle({ status: last === 'failed' || last === 'cancelled' ? last : 'closed', error });
      },
    );
  };

  return {
    url,
    start,
    view: () => view,
    configure: (given) => void (options = given),
    cancel: () => connection?.cancel() ?? Promise.resolve(),
    subscribe(listener) {
      listeners.add(listener);
      if (connection === undefined && options.autoStart !== false) start({ idempotencyKey, ...options });
      return () => {
        listeners.delete(listener);
        queueMicrotask(() => {
          if (listeners.size > 0) return;
          connection?.close();
          connection = undefined;
        });
      };
    },
  };
}
