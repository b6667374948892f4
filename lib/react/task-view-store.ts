/** Keeps what a component shows of one task, outside of React, and tells React at most once per frame. */
import { page, randomKey } from '../client/connection/page.js';
import {
  StreamError,
  streamTask,
  type ConnectionState,
  type StateDetail,
  type StreamTaskOptions,
  type TaskConnection,
  type TaskEvent,
} from '../client/index.js';
import { openEndedItem, type Ended } from './ended-item.js';

/** `idle` before the start; then the state of the connection, and, once it is known, how the task ended. */
export type UseTaskStatus = 'idle' | ConnectionState | Ended;

/** Options of `useTask`. They are read anew at each use, so callbacks and tokens are those of the last render. */
export interface UseTaskOptions<P = unknown, R = unknown> extends StreamTaskOptions<P, R> {
  /**
   * What happens with the first render: `true` comes back to the task that the storage knows, or starts one;
   * `'resume'` comes back, or stays `idle`; `false` waits for `start()` or `resume()`. Default: `true`.
   */
  autoStart?: boolean | 'resume' | undefined;
  /** How many of the last events `events` holds. Default: 1,000. */
  maxEvents?: number | undefined;
  /** Events that arrive within this time become one render, in ms. Default: one frame of the screen. */
  flushMs?: number | undefined;
}

/** What a component shows of its task. */
export interface TaskView<P = unknown, R = unknown> {
  readonly status: UseTaskStatus;
  /** The last progress value. */
  readonly progress: P | undefined;
  /** The data of the last snapshot. */
  readonly snapshot: unknown;
  /** All progress values that are strings, joined: the answer of a language model so far. A snapshot that is a string replaces it. */
  readonly text: string;
  /** The last `maxEvents` events; a snapshot stands for those before it. */
  readonly events: readonly TaskEvent<P, R>[];
  readonly result: R | undefined;
  /** A StreamError, or the reason of `signal`. A task that was cancelled by `cancel()` has none. */
  readonly error: unknown;
  /** While `waiting`: which retry comes when, and why. */
  readonly retry: StateDetail | undefined;
}

/** What `useSyncExternalStore` needs, and what a user does. */
export interface TaskViewStore<P, R> {
  readonly url: string;
  readonly view: () => TaskView<P, R>;
  /** Takes the options of the last render. */
  readonly configure: (options: UseTaskOptions<P, R>) => void;
  readonly start: (options?: StreamTaskOptions<P, R>) => void;
  readonly resume: () => void;
  readonly cancel: () => Promise<void>;
  readonly subscribe: (listener: () => void) => () => void;
}

const IDLE = {
  status: 'idle',
  progress: undefined,
  snapshot: undefined,
  text: '',
  events: [],
  result: undefined,
  error: undefined,
  retry: undefined,
} as const;

const DEFAULT_MAX_EVENTS = 1_000;
/** Where there are no frames, and where a hidden page gets none. */
const FRAME_MS = 16;
const HIDDEN_FRAME_MS = 250;

/** Creates the store of one component. Mounted twice in one turn, as StrictMode does, it finds its task running. */
export function createTaskViewStore<P, R>(url: string): TaskViewStore<P, R> {
  let view: TaskView<P, R> = IDLE;
  let options: UseTaskOptions<P, R> = {};
  /** Those of the start, which stand above the options of the renders. */
  let startOptions: StreamTaskOptions<P, R> = {};
  /** The options that the connection reads, as they are now. */
  const live: UseTaskOptions<P, R> = {};
  let connection: TaskConnection<P, R> | undefined;
  let ended: Ended | undefined;
  let isCancelling = false;
  /** What has changed since React was told. */
  let change: Partial<{ -readonly [Name in keyof TaskView<P, R>]: TaskView<P, R>[Name] }> | undefined;
  let events: TaskEvent<P, R>[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listeners = new Set<() => void>();

  const flush = (): void => {
    if (!change) return;
    clearTimeout(timer);
    timer = undefined;
    const { maxEvents = DEFAULT_MAX_EVENTS } = live;
    view = { ...view, ...change, events: maxEvents ? events.slice(-maxEvents) : [] };
    change = undefined;
    for (const listener of listeners) listener();
  };
  const show = (now: NonNullable<typeof change>): void => {
    change = { ...change, ...now };
    flush();
  };
  const showSoon = (): void => {
    if (timer !== undefined) return;
    const { flushMs } = live;
    const frame = flushMs === undefined ? page.requestAnimationFrame : undefined;
    timer = setTimeout(flush, flushMs ?? (frame ? HIDDEN_FRAME_MS : FRAME_MS));
    frame?.(flush);
  };

  const onEvent = (event: TaskEvent<P, R>): void => {
    change ??= {};
    const { maxEvents = DEFAULT_MAX_EVENTS } = live;
    const { text = view.text } = change;
    if (event.kind === 'progress') {
      change.progress = event.data;
      if (typeof event.data === 'string') change.text = text + event.data;
    } else if (event.kind === 'snapshot') {
      events = [];
      change.snapshot = event.data;
      change.text = typeof event.data === 'string' ? event.data : '';
    } else if (event.kind === 'complete') ended = 'completed';
    else if (event.kind === 'failed' || event.kind === 'cancelled') ended = event.kind;
    events.push(event);
    if (events.length > 2 * maxEvents) events = maxEvents ? events.slice(-maxEvents) : [];
    if (!ended) showSoon(); // what follows tells the end and all of this at once
    (startOptions.onEvent ?? options.onEvent)?.(event);
  };
  const onStateChange = (state: ConnectionState, detail: StateDetail): void => {
    if (state !== 'closed') show({ status: state, retry: state === 'waiting' ? detail : undefined });
    (startOptions.onStateChange ?? options.onStateChange)?.(state, detail);
  };
  const refresh = (): void => {
    const names = Object.keys(live) as (keyof typeof live)[];
    for (const name of names) delete live[name];
    Object.assign(live, { storageKey: `task:${url}` }, options, startOptions, { onEvent, onStateChange });
  };

  const reset = (): void => {
    connection?.close();
    connection = ended = undefined;
    isCancelling = false;
    events = [];
    view = IDLE;
    change = undefined;
  };

  const open = (given: StreamTaskOptions<P, R>, isSilent = false): void => {
    reset();
    startOptions = given;
    refresh();
    const endedItem = openEndedItem<P, R>(live);
    const kept = given.mode === 'start' ? endedItem.forget() : endedItem.read();
    if (kept) {
      ended = kept.status;
      events = [...kept.events];
      show(kept);
      return;
    }
    const own = (connection = streamTask<P, R>(url, live));
    show({ status: own.state });
    const settle = (now: NonNullable<typeof change>): void => {
      if (own !== connection) return;
      show({ status: ended ?? 'closed', retry: undefined, ...now });
      if (ended) endedItem.keep({ ...view, status: ended });
    };
    own.result.then(
      (result) => settle({ result }),
      (error: unknown) => {
        const isNothing = isSilent && error instanceof StreamError && error.code === 'NOTHING_STORED';
        if (isNothing) settle({ status: 'idle' });
        else settle(isCancelling && ended === 'cancelled' ? {} : { error });
      },
    );
  };

  /** One for all automatic starts of this component: unmounted and mounted again, it finds the same task. */
  let autoKey: string | undefined;
  const openByItself = (): void => {
    const { autoStart = true } = options;
    if (startOptions.mode) open(startOptions);
    else if (autoStart === 'resume') open({ mode: 'resume' }, true);
    else if (autoStart) open({ idempotencyKey: (autoKey ??= options.idempotencyKey ?? randomKey()) });
  };

  return {
    url,
    view: () => view,
    configure(given) {
      options = given;
      refresh();
    },
    start: (given) => open({ idempotencyKey: options.idempotencyKey ?? randomKey(), ...given, mode: 'start' }),
    resume: () => open({ mode: 'resume' }),
    cancel() {
      isCancelling = true;
      return connection?.cancel() ?? Promise.resolve();
    },
    subscribe(listener) {
      listeners.add(listener);
      if (!connection && !ended) openByItself();
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
