/** Keeps what a component shows of one task, outside of React, and tells React at most once per frame. */
import { globals, randomKey } from '../client/connection/browser-globals.js';
import {
  streamTask,
  type StreamError,
  type ConnectionState,
  type StateDetail,
  type StreamTaskOptions,
  type TaskConnection,
  type TaskEvent,
} from '../client/index.js';
import { openEndedItem } from './ended-item.js';
import type { Ended, TaskView } from './task-view.js';

/** Options of `useTask`. They are read anew at each use, so callbacks and tokens are those of the last render. */
export interface UseTaskOptions<P = unknown, R = unknown> extends StreamTaskOptions<P, R> {
  /**
   * Chooses what the first render does: `true` comes back to the task that the storage knows, or starts one;
   * `'resume'` comes back, or stays `idle`; `false` waits for `start()` or `resume()`. Default: `true`.
   */
  autoStart?: boolean | 'resume' | undefined;
  /** The number of last events that `events` holds. Default: 1,000. */
  maxEvents?: number | undefined;
  /** Events that arrive within this time become one render, in ms. Default: one frame of the screen. */
  flushMs?: number | undefined;
}

/** Serves `useSyncExternalStore`, and does what a user asks for. */
export interface TaskViewStore<P, R> {
  /** The URL that the store was created for. */
  readonly url: string;
  /** Returns the present view: the same object until something changes. */
  readonly view: () => TaskView<P, R>;
  /** Takes the options of the last render. */
  readonly configure: (options: UseTaskOptions<P, R>) => void;
  /** Starts a new task; its options stand above those of the renders. */
  readonly start: (options?: StreamTaskOptions<P, R>) => void;
  /** Comes back to the task that the storage knows. */
  readonly resume: () => void;
  /** Cancels the task. Rejects as `TaskConnection.cancel` does. */
  readonly cancel: () => Promise<void>;
  /** Calls `listener` after each change until the returned function is called. The first subscription may start the task. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** The view before any start. All other members are undefined. */
const IDLE = { status: 'idle', text: '', events: [] } as unknown as TaskView<never, never>;

/** The number of events that a view holds if the option `maxEvents` does not say. */
export const DEFAULT_MAX_EVENTS = 1_000;
/** A hidden page gets no frames. */
const HIDDEN_FRAME_MS = 100;

/** Creates the store of one component. Mounted twice in one turn, as StrictMode does, it finds its task running. */
export function createTaskViewStore<P, R>(url: string): TaskViewStore<P, R> {
  let view: TaskView<P, R> = IDLE;
  let options: UseTaskOptions<P, R> = {};
  /** The options of the start, which stand above those of the renders. */
  let startOptions: UseTaskOptions<P, R> = {};
  let connection: TaskConnection<P, R> | undefined;
  let ended: Ended | undefined;
  let isCancelling: boolean | undefined;
  /** The changes that React has not been told yet. */
  let change: Partial<{ -readonly [Name in keyof TaskView<P, R>]: TaskView<P, R>[Name] }> | undefined;
  let events: TaskEvent<P, R>[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();

  const maxEvents = (): number => live.maxEvents ?? DEFAULT_MAX_EVENTS;
  const lastEvents = (): typeof events => events.slice(-maxEvents() || Infinity); // slice(-0) would be all of them
  const flush = (): void => {
    if (!change) return;
    clearTimeout(timer);
    timer = undefined;
    view = { ...view, ...change, events: lastEvents() };
    change = undefined;
    for (const listener of listeners) listener();
  };
  const show = (now: NonNullable<typeof change>): void => {
    change = { ...change, ...now };
    flush();
  };
  const showSoon = (): void => {
    const { flushMs } = live;
    if (timer) return;
    timer = setTimeout(flush, flushMs ?? HIDDEN_FRAME_MS);
    if (flushMs === undefined) globals.requestAnimationFrame?.(flush);
  };

  const onEvent = (event: TaskEvent<P, R>): unknown => {
    change ??= {};
    const { text = view.text } = change;
    const { kind } = event;
    if (kind === 'progress' || kind === 'snapshot') {
      change[kind] = event.data as P;
      const isSnapshot = kind === 'snapshot';
      if (isSnapshot) events = [];
      if (typeof event.data === 'string') change.text = (isSnapshot ? '' : text) + event.data;
    } else if (kind === 'complete') ended = 'completed';
    else if (kind === 'failed' || kind === 'cancelled') ended = kind;
    events.push(event);
    if (events.length > 2 * maxEvents()) events = lastEvents();
    if (!ended) showSoon(); // what follows tells the end and all of this at once
    return (startOptions.onEvent ?? options.onEvent)?.(event); // it may be a promise that rejects
  };
  const onStateChange = (state: ConnectionState, detail: StateDetail): unknown => {
    if (state !== 'closed') show({ status: state, retry: state === 'waiting' ? detail : undefined });
    return (startOptions.onStateChange ?? options.onStateChange)?.(state, detail);
  };
  const own: UseTaskOptions<P, R> = { onEvent, onStateChange };
  /** The key names all automatic starts of this component, so that it finds its task when it is mounted again. */
  const base: UseTaskOptions<P, R> = { storageKey: `task:${url}`, idempotencyKey: randomKey() };
  /** The options as they are whenever the connection reads them, the innermost layer first. */
  const live = new Proxy<UseTaskOptions<P, R>>(
    {},
    {
      get(_target, name: keyof typeof options) {
        return own[name] ?? startOptions[name] ?? options[name] ?? base[name];
      },
    },
  );

  const open = (given: StreamTaskOptions<P, R>): void => {
    connection?.close();
    connection = change = ended = isCancelling = undefined;
    events = [];
    view = IDLE;
    startOptions = given;
    if (!listeners.size) return; // a connection that no component shows would never be closed
    const endedItem = openEndedItem<P, R>(live.storage, live.storageKey);
    if (given.mode === 'start') endedItem.forget();
    const kept = endedItem.read();
    ended = kept?.status;
    show(kept ?? { status: 'connecting' });
    if (kept) return;
    const opened = (connection = streamTask<P, R>(url, live));
    const settle = (now: NonNullable<typeof change>): void => {
      if (opened !== connection || !(listeners.size || ended)) return;
      show({ status: ended ?? 'closed', retry: undefined, ...now });
      if (ended) endedItem.keep({ ...view, status: ended });
    };
    opened.result.then(
      (result) => settle({ result }),
      (error: unknown) => {
        const isIdle = (Object(error) as StreamError).code === 'NOTHING_STORED';
        settle(isIdle ? IDLE : isCancelling && ended === 'cancelled' ? {} : { error });
      },
    );
  };

  return {
    url,
    view: () => view,
    configure(given) {
      options = given;
    },
    start(given) {
      open({ idempotencyKey: randomKey(), ...given, mode: 'start' });
    },
    resume() {
      open({ mode: 'resume' });
    },
    async cancel() {
      isCancelling = true;
      await connection?.cancel();
    },
    subscribe(listener) {
      listeners.add(listener);
      const { autoStart = true } = options;
      if ((connection?.state ?? 'closed') === 'closed' && !ended && (startOptions.mode ?? autoStart)) {
        const mode = autoStart === 'resume' ? autoStart : 'auto';
        open(startOptions.mode ? startOptions : { mode, idempotencyKey: live.idempotencyKey });
      }
      return () => {
        listeners.delete(listener);
        queueMicrotask(() => {
          if (!listeners.size) connection?.close(); // it is kept for a `cancel()` that comes later
        });
      };
    },
  };
}
