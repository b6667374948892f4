import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { backOff, DEFAULT_RETRY_MS, MAX_DELAY_MS, readRetryAfter } from './back-off.js';
import { StreamError, toStreamError } from './error.js';
import { fresh, type Fresh } from './fresh.js';
import { page } from './page.js';
import { callSafely } from './safely.js';

/** What a connection does: ask, read, wait before it asks again (or for the network), or nothing any more. */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'closed';

export interface ConnectionOptions {
  /** Asked for at every attempt where it is a function: a token never gets old. */
  headers?: Fresh<RequestInit['headers']>;
  credentials?: RequestInit['credentials'] | undefined;
  /** Sends the requests, all of them: one with a proxy, a cookie jar, a log. Default: the global `fetch`. */
  fetch?: ((request: Request | string, init?: RequestInit) => Promise<Response>) | undefined;
  /** Reconnect when nothing has come for so long, not even a heartbeat; Infinity: never. Default: 45,000. */
  watchdogMs?: number | undefined;
  /** Give up after so many attempts in a row that brought nothing; never while offline. Default: Infinity. */
  maxRetries?: number | undefined;
  /** Ends everything, as `close()` does. */
  signal?: AbortSignal | undefined;
  onStateChange?: ((state: ConnectionState) => void) | undefined;
}

/** Whoever stands on a connection: says what to ask, and hears what comes. */
export interface Endpoint {
  /** Called anew for every attempt, to add its headers. What it throws counts as an attempt that failed. */
  readonly prepare: (
    headers: Headers,
  ) => Promise<[url: string | URL, method?: string | undefined, body?: RequestInit['body']]>;
  /** An answer that is no refusal is there. True: there is nothing to read here, ask again at once. */
  readonly answered: (response: Response) => boolean;
  readonly receive: (message: EventSourceMessage) => void;
  /** Once, at the end, with what `end` was called with. */
  readonly ended: (error: Error | undefined) => void;
}

export interface Connection {
  readonly state: () => ConnectionState;
  /** Idempotent: the first end is the end. */
  readonly end: (error?: Error) => void;
}

/** The next attempt is due: nothing was lost, so there is nothing to wait for. */
const AT_ONCE = -1;

/**
 * One stream over as many connections as it takes, until somebody ends it. Closures and not a class, since a minifier
 * can shorten their names: every page pays for this file.
 */
export function openConnection(endpoint: Endpoint, options: ConnectionOptions): Connection {
  const { watchdogMs = 45_000, maxRetries = Infinity, signal, onStateChange } = options;
  /** Aborted at the end; every listener hangs on it. */
  const life = new AbortController();
  let attempt = new AbortController();
  let state: ConnectionState = 'connecting';
  let stopWaiting: (() => void) | undefined;
  /** What `Retry-After` asks for, or `AT_ONCE`. */
  let leastWaitMs = 0;
  let retryMs = DEFAULT_RETRY_MS;
  let failures = 0;
  let lastByteMs = 0;
  /** Of the watchdog, or of a wait: never both. */
  let timer: ReturnType<typeof setTimeout> | undefined;

  const cut = (): void => attempt.abort();

  const isOver = (): boolean => state === 'closed';

  const move = (next: ConnectionState): void => {
    if (state === next || isOver()) return;
    state = next;
    void callSafely(onStateChange, next);
  };

  const end = (error?: Error): void => {
    if (isOver()) return;
    move('closed');
    life.abort();
    cut();
    stopWaiting?.();
    endpoint.ended(error);
  };

  const after = (ms: number, fn: () => void): typeof timer => setTimeout(fn, Math.min(ms, MAX_DELAY_MS));

  /** Something has come. When nothing follows for too long, the attempt is over: a peer that is gone need not say so. */
  const feedWatchdog = (): void => {
    clearTimeout(timer);
    lastByteMs = Date.now();
    timer = after(watchdogMs, cut);
  };

  const tryOnce = async (): Promise<void> => {
    attempt = new AbortController();
    const headers = new Headers(await fresh(options.headers));
    headers.set('Accept', 'text/event-stream');
    const [url, method, body] = await endpoint.prepare(headers);
    let request;
    try {
      // The cast: an undefined member counts as absent, which the types do not know.
      request = new Request(url, {
        headers,
        credentials: options.credentials,
        method,
        body,
        signal: attempt.signal,
      } as RequestInit);
    } catch (error) {
      end(error as TypeError); // no URL, no header: it will never be one
      return;
    }
    // An upload may take longer than any silence.
    if (body === undefined) feedWatchdog();
    const response = await (options.fetch ?? fetch)(request);
    feedWatchdog();
    const { status, body: stream, headers: answer } = response;
    if (!response.ok) {
      const error = await toStreamError(response);
      leastWaitMs = readRetryAfter(answer);
      if (status < 500 && !(status === 429 && leastWaitMs)) end(error);
      throw error;
    }
    // [spec] "a client can be told to stop reconnecting using the HTTP 204 No Content response code"
    if (status === 204) end(new StreamError('ENDED', undefined, status));
    else if (endpoint.answered(response)) leastWaitMs = AT_ONCE;
    else if (stream && answer.get('Content-Type')?.startsWith('text/event-stream')) {
      move('open');
      const decoder = new TextDecoder();
      const parser = createParser({
        onEvent: (message) => {
          if (isOver()) return;
          endpoint.receive(message);
          failures = 0;
        },
        onRetry: (ms) => (retryMs = ms),
      });
      const reader = (stream as ReadableStream<Uint8Array>).getReader();
      // Whoever is told of an event may end it all, and after an abort Node’s fetch may never settle another read.
      while (!isOver()) {
        const { done, value } = await reader.read();
        // [spec] "Once the end of the file is reached, any pending data must be discarded."
        if (done) return;
        parser.feed(decoder.decode(value, { stream: true }));
        feedWatchdog();
      }
    } else end(new StreamError('NO_STREAM'));
  };

  const run = async (): Promise<void> => {
    await Promise.resolve(); // nothing is called back before the caller has got its object
    if (signal?.aborted) abort();
    while (!isOver()) {
      let cause: unknown;
      leastWaitMs = 0;
      move('connecting');
      try {
        await tryOnce();
      } catch (error) {
        cause = error;
      }
      clearTimeout(timer);
      cut();
      if (leastWaitMs !== AT_ONCE && failures >= maxRetries && page.navigator?.onLine !== false) {
        end(new StreamError('GAVE_UP', undefined, undefined, cause));
      }
      if (leastWaitMs === AT_ONCE || isOver()) continue;
      move('waiting');
      await new Promise<void>((resolve) => {
        stopWaiting = resolve;
        timer = after(Math.max(leastWaitMs, backOff(retryMs, failures++)), resolve);
      });
      clearTimeout(timer);
    }
  };

  const onPageEvent = ({ type }: { readonly type: string }): void => {
    // The back/forward cache prefers pages without an open connection; in it, timers stand still.
    if (type === 'pagehide') cut();
    else if (!page.document?.hidden) {
      stopWaiting?.();
      // What was open may be dead without knowing it: the network that is back need not be the one that was lost, and
      // timers stand still while a machine sleeps.
      if (state === 'open' && (type === 'online' || Date.now() - lastByteMs > watchdogMs)) {
        leastWaitMs = AT_ONCE;
        cut();
      }
    }
  };
  for (const type of ['online', 'visibilitychange', 'pagehide', 'pageshow']) {
    page.addEventListener?.(type, onPageEvent, { signal: life.signal });
  }
  const abort = (): void => end(signal?.reason as Error);
  signal?.addEventListener('abort', abort, { signal: life.signal });
  void run();

  return { state: () => state, end };
}
