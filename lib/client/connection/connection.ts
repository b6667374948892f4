/**
 * Follows one stream over as many requests as it takes: it asks, reads, notices silence, waits and asks again, until it is ended.
 * It knows neither tasks nor events, only whether what was read was news.
 *
 * Closures instead of classes, since a minifier can shorten their names: every page pays for this file. Options are read
 * where they are needed and never copied: the React hook changes them while the connection lives.
 */
import type { ParsedEvent } from '../../sse/event-parser.js';
import { callListener } from '../call-listener.js';
import { textOf } from '../storage.js';
import { resolveValue } from '../value-or-getter.js';
import { answerOf, readerOf } from './abortable.js';
import { isDenied, isNetworkFailure, isStream, readRefusal, StreamError } from './answers.js';
import { backOff, DEFAULT_RETRY_MS, MAX_DELAY_MS, readRetryAfter } from './back-off.js';
import { createEventReader } from './event-reader.js';
import type { ConnectionOptions, ConnectionState } from './options.js';
import { activated, globals } from './browser-globals.js';

/** The longest silence of a connection that is not given up, in ms: three heartbeats of a server with the default options. */
export const DEFAULT_WATCHDOG_MS = 45_000;
/** A bounded answer that ends sooner than this without an event was not the wait that was asked for. */
const SHORTEST_WAIT_MS = 1_000;

/** The next request, and what is expected of its answer. */
export interface NextRequest {
  /** The absolute URL. */
  readonly url: string;
  /** Default: `'GET'`. */
  readonly method?: string | undefined;
  /** Sent as it is. Default: none. */
  readonly body?: RequestInit['body'];
  /** The longest time that the first byte of the answer's body may take, in ms. Default: `watchdogMs`. */
  readonly firstByteMs?: number | undefined;
  /** The answer is a piece of the stream that ends early by agreement: its end is no failure. */
  readonly bounded?: boolean | undefined;
}

/** The owner of a connection: says what to ask for, and gets what comes. */
export interface ConnectionOwner {
  /** Called anew for every attempt; adds its headers. What it throws ends the connection. */
  readonly prepare: (headers: Headers) => Promise<NextRequest>;
  /** Gets a successful answer that is no stream. True: it said where to go on, so ask again at once. */
  readonly redirected?: (response: Response, url: string) => boolean;
  /** Gets the answer whose events are about to be read. */
  readonly opened: (response: Response, url: string) => void;
  /** Gets each event until the end. What it throws is the fault of the data, and ends the attempt. */
  readonly receive: (event: ParsedEvent) => void;
  /** Called after each piece of an answer: resolves once more can be taken; undefined if it can be now. */
  readonly caughtUp?: () => Promise<void> | undefined;
  /** Gets a refusal that would end the connection, or undefined for a 204. True: it does not, ask again at once. */
  readonly refused?: (error: StreamError) => boolean;
  /** Gets why an attempt is over without an end; returns what callers are told as the cause. */
  readonly failed?: (cause: unknown) => unknown;
  /** Called once, at the end, with the argument of `end`. */
  readonly ended: (error: Error | undefined) => void;
}

/** The connection as its owner sees it. */
export interface Connection {
  /** Returns the present state. */
  readonly state: () => ConnectionState;
  /** Something new has come. Only that resets the back-off. */
  readonly gotNews: () => void;
  /** Idempotent: the first end is the end. */
  readonly end: (error?: Error) => void;
}

/** Opens a connection for `owner`. Nothing is asked and nobody is called before this has returned. */
export function openConnection(owner: ConnectionOwner, options: ConnectionOptions): Connection {
  /** Aborted at the end; every listener hangs on it. */
  const life = new AbortController();
  /** Aborted when an attempt is over. */
  let attempt = new AbortController();
  let state: ConnectionState = 'connecting';
  let retries = 0;
  let hasNews = false;
  let retryMs = DEFAULT_RETRY_MS;
  let retryAfterMs = 0;
  /** The next attempt is due now: nothing was lost, so there is nothing to wait for. */
  let isDue = false;
  /** Belongs to the watchdog or to a wait; there is never more than one of them. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** The time at which an attempt counts as silent, or until which no page event may end a wait. */
  let deadlineMs = 0;

  const isOver = (): boolean => state === 'closed';
  const cut = (reason?: unknown): void => {
    clearTimeout(timer);
    attempt.abort(reason);
  };

  const move = (next: ConnectionState, cause?: unknown, waitMs?: number): void => {
    if (state === next || isOver()) return;
    state = next;
    callListener(() => options.onStateChange?.(next, { attempt: retries, waitMs, cause }));
  };

  const end = (error?: Error): void => {
    if (isOver()) return;
    move('closed', error);
    life.abort();
    cut();
    owner.ended(error);
  };

  const setTimer = (ms: number, fn: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(fn, Math.min(ms, MAX_DELAY_MS));
  };

  /** An attempt that brings nothing for too long is over: a peer that is gone need not say so. */
  const watch = (ms = options.watchdogMs ?? DEFAULT_WATCHDOG_MS, code = 'SILENT'): void => {
    deadlineMs = Date.now() + ms;
    setTimer(ms, () => cut(new StreamError(code)));
  };

  /** Makes one request and reads its answer. Returns why that ended; throws what asking again would not change. */
  const tryOnce = async (): Promise<unknown> => {
    isDue = false;
    const { signal: aborted } = (attempt = new AbortController());
    const isCut = (): boolean => aborted.aborted;
    deadlineMs = Infinity;
    const headers = new Headers(await resolveValue(options.headers));
    headers.set('Accept', 'text/event-stream');
    const { url, method = 'GET', body, firstByteMs, bounded } = await owner.prepare(headers);
    if (isCut()) return aborted.reason;
    // A platform without it buffers the whole answer, and would only say so when the job has run.
    if (!options.fetch && !('body' in Object(globals.Response?.prototype))) throw noStream();
    callListener(() => options.debug?.({ kind: 'request', method, url, headers }));
    watch(firstByteMs, 'UNANSWERED');
    const askedMs = Date.now();
    let response: Response;
    try {
      // The cast: an undefined member counts as absent, which the types do not know.
      const init = { method, headers, body, credentials: options.credentials, signal: aborted } as RequestInit;
      response = await answerOf(aborted, () => (options.fetch ?? fetch)(url, init));
    } catch (error) {
      if (isCut() || isNetworkFailure(error)) return aborted.reason ?? error;
      throw error;
    }
    const { status, headers: answer } = response;
    callListener(() => options.debug?.({ kind: 'answer', url, status, headers: answer }));

    if (!isStream(response)) {
      if (response.ok && owner.redirected?.(response, url)) return (isDue = true);
      retryAfterMs = readRetryAfter(answer);
      const { error, isFinal } = await readRefusal(response, aborted);
      if (isFinal || (await (options.isFinal ?? isDenied)(error))) {
        if (owner.refused?.(error)) isDue = true;
        else end(error);
      }
      return error;
    }

    const reader = readerOf(response, aborted);
    owner.opened(response, url);
    if (!reader) throw noStream();
    const read = createEventReader(
      (event) => isOver() || owner.receive(event),
      (ms) => (retryMs = ms),
      options.maxEventBytes,
    );
    move('open');
    try {
      for (;;) {
        const { done, value } = await reader.read();
        // [spec] "Once the end of the file is reached, any pending data must be discarded."
        if (done) break;
        read(value);
        const wait = owner.caughtUp?.();
        if (wait) {
          watch(Infinity); // it is we who are silent
          await wait;
        }
        watch();
      }
    } catch (error) {
      return aborted.reason ?? error;
    }
    if (bounded && !isCut() && (hasNews || Date.now() - askedMs >= SHORTEST_WAIT_MS)) isDue = true;
    return aborted.reason;
  };

  const refuse = (error: unknown): void =>
    end(error instanceof StreamError ? error : new StreamError('INVALID_REQUEST', textOf(error), { cause: error }));

  /** Makes requests until one has to wait for the next. */
  const run = async (): Promise<void> => {
    if (isOver()) return;
    clearTimeout(timer);
    hasNews = false;
    retryAfterMs = 0;
    move('connecting');
    const failure = await tryOnce().catch(refuse);
    cut();
    if (isDue || isOver()) {
      go();
      return;
    }
    const cause = owner.failed?.(failure) ?? failure;
    if (retries >= (options.maxRetries ?? Infinity) && globals.navigator?.onLine !== false) {
      end(new StreamError('GAVE_UP', undefined, { cause }));
      return;
    }
    const waitMs = Math.max(retryAfterMs, backOff(retryMs, retries++));
    deadlineMs = Date.now() + retryAfterMs;
    setTimer(waitMs, go);
    move('waiting', cause, waitMs);
  };

  const go = (): void => void run().catch(refuse); // even a getter among the options may throw

  const onPageEvent = ({ type }: { readonly type: string }): void => {
    // The back/forward cache prefers pages without an open connection; in it, timers stand still. A wait keeps its own.
    if (type === 'pagehide') attempt.abort();
    else if (globals.document?.hidden) return;
    else if (state === 'waiting') {
      if (Date.now() >= deadlineMs) go();
    } else if (type === 'online' || Date.now() > deadlineMs) {
      // An open connection may be dead without knowing it: the network that is back need not be the one that was lost, and
      // timers stand still while a machine sleeps.
      isDue = true;
      cut();
    }
  };
  for (const type of ['online', 'visibilitychange', 'pagehide', 'pageshow']) {
    globals.addEventListener?.(type, onPageEvent, { signal: life.signal });
  }
  const begin = async (): Promise<void> => {
    const { signal } = options;
    const abort = (): void => end(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { signal: life.signal });
    if (signal?.aborted) abort();
    await activated(life.signal);
    await run();
  };
  queueMicrotask(() => void begin().catch(refuse));

  return {
    state: () => state,
    gotNews() {
      retries = 0;
      hasNews = true;
    },
    end,
  };
}

const noStream = (): StreamError =>
  new StreamError('NO_STREAM', 'No ReadableStream here: pass a fetch like that of expo/fetch');
