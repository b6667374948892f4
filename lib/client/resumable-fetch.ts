/**
 * `fetch` for clients that somebody else has written: the body of its answer goes on over cuts. It knows nothing of what
 * it carries, and keeps no more than one frame; with the engine of `streamTask` it would be twice as large.
 */
import { isNetworkFailure, isStream, StreamError } from './connection/answers.js';
import { randomKey } from './connection/browser-globals.js';
import { MAX_EVENT_BYTES } from './connection/event-reader.js';
import { attempt } from './storage.js';
import { backOff, DEFAULT_RETRY_MS, MAX_DELAY_MS, readRetryAfter } from './connection/back-off.js';

/** Options of `resumableFetch`. */
export interface ResumableFetchOptions {
  /** Give up after so many retries in a row that brought nothing. Default: 10, about two minutes. */
  maxRetries?: number | undefined;
  /** Retry when nothing, not even a heartbeat, has come for so long, in ms. Default: 45,000. */
  watchdogMs?: number | undefined;
}

/** Statuses of a proxy or a busy server that give way to another answer a little later. */
const PASSING = [408, 425, 429, 502, 503, 504];
/** The library's own answers that asking again will not change. */
const FINAL = [400, 404, 410, 501];
/** The terminal event of a task, on any wire. */
const END = /^(?:: end|data: \[DONE\]|event: (?:complete|failed|cancelled))$/m;

/**
 * Returns a `fetch` whose streams survive: when the connection of a task is cut, it asks again with `Last-Event-ID`, and
 * the body of the one `Response` that the caller has goes on with whole frames, none twice. A start that nobody answered
 * is repeated under one `Idempotency-Key`, so that it starts one task. Every other answer is passed on as it is.
 *
 * Aborting it leaves the task running, like leaving a page.
 *
 * @param send sends the requests; default: the global `fetch`
 * @example new DefaultChatTransport({ api: '/api/chat', fetch: resumableFetch() })
 */
export function resumableFetch(
  send?: typeof globalThis.fetch,
  options: ResumableFetchOptions = {},
): typeof globalThis.fetch {
  const { maxRetries = 10, watchdogMs = 45_000 } = options;
  return async (input, init) => {
    const { url, ...given } = await readRequest(input, init);
    const { signal } = given;
    /** Aborted when the caller has lost interest. */
    const life = new AbortController();
    let lastEventId = '';
    let place = '';
    let failures = 0;
    let retryMs = DEFAULT_RETRY_MS;

    const abort = (): void => life.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    const leave = (): void => signal?.removeEventListener('abort', abort);

    let asking = new AbortController();
    let endWait = (): void => undefined;
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    /** After an abort Node’s fetch may never settle another read; cancelling settles it. */
    const drop = (): void => void reader?.cancel().catch(() => undefined);
    // One listener for all attempts: each of its own would stay for as long as the stream lives.
    life.signal.addEventListener('abort', () => {
      asking.abort(life.signal.reason);
      endWait();
      drop();
    });

    const wait = (leastMs: number): Promise<void> =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(Math.max(leastMs, backOff(retryMs, failures++)), MAX_DELAY_MS));
        endWait = () => {
          clearTimeout(timer);
          resolve();
        };
      });

    /** Waits for what must not be silent; gives it up otherwise. */
    const timed = <T>(promise: Promise<T>, giveUp: () => void): Promise<T> =>
      new Promise((resolve, reject) => {
        const silence = (): void => {
          reject(new StreamError('SILENT'));
          giveUp();
        };
        const timer = setTimeout(silence, Math.min(watchdogMs, MAX_DELAY_MS));
        void promise.then(resolve, reject).finally(() => clearTimeout(timer));
      });

    /** Asks until there is an answer that counts. */
    const ask = async (): Promise<Response> => {
      for (;;) {
        life.signal.throwIfAborted();
        const headers = new Headers(given.headers);
        if (lastEventId) headers.set('Last-Event-ID', lastEventId);
        const comesBack = lastEventId && place;
        if (comesBack) headers.delete('Content-Type'); // there is no body any more
        asking = new AbortController();
        const cut = (): void => asking.abort();
        const how = { ...given, headers, signal: asking.signal, ...(comesBack && { method: 'GET', body: null }) };
        let response: Response | undefined;
        let cause: unknown;
        try {
          const answer = (send ?? fetch)(comesBack || url, how);
          // A start may take as long as it likes: nobody knows what it is.
          response = await (lastEventId ? timed(answer, cut) : answer);
          if (lastEventId ? isOver(response) || carriesEvents(response) : !PASSING.includes(response.status))
            return response;
        } catch (error) {
          const isSilent = (Object(error) as StreamError).code === 'SILENT';
          if (life.signal.aborted || !(isSilent || isNetworkFailure(error))) throw error;
          cause = error;
        }
        if (failures >= maxRetries) {
          if (response && !lastEventId) return response;
          throw new StreamError('GAVE_UP', undefined, { cause: cause ?? response });
        }
        void response?.body?.cancel().catch(() => undefined);
        await wait(response ? readRetryAfter(response.headers) : 0);
      }
    };

    let response: Response;
    try {
      response = await ask();
    } catch (error) {
      leave();
      throw error;
    }
    if (!carriesEvents(response) || !response.headers.has('X-Resume-Key')) {
      leave();
      return response;
    }
    let decoder = new TextDecoder();
    let pending = '';
    let lastChar = '';
    let hasNews = false;

    const take = ({ body, headers, url: base }: Response): void => {
      const path = headers.get('Content-Location');
      if (path) place = attempt(() => new URL(path, base || url).href) ?? path; // a page knows what a relative URL is below
      reader = (body as ReadableStream<Uint8Array>).getReader();
      decoder = new TextDecoder();
      pending = lastChar = '';
      hasNews = false;
    };
    take(response);

    /** The frames that are whole, up to the last one with an id: what has none belongs to the one after it. */
    const completed = (bytes: Uint8Array): string => {
      const text = decoder.decode(bytes, { stream: true });
      pending += text;
      if (pending.length > MAX_EVENT_BYTES) throw new StreamError('EVENT_TOO_LARGE');
      // Until a frame ends, pieces are only joined, because looking at all of them again for each one would be quadratic.
      const hasEnd = `${lastChar}${text}`.includes('\n\n');
      lastChar = text.slice(-1) || lastChar;
      if (!hasEnd) return '';
      const end = pending.lastIndexOf('\n\n') + 2;
      const whole = pending.slice(0, Math.max(0, end - 1));
      const retry = /^retry: ?(\d+)$/m.exec(whole);
      if (retry) retryMs = Number(retry[1]);
      const idAt = `\n${whole}`.lastIndexOf('\nid:');
      if (end < 2 || idAt < 0) return '';
      lastEventId = whole.slice(idAt + 3, whole.indexOf('\n', idAt)).trim();
      const cut = pending.indexOf('\n\n', idAt) + 2;
      const frames = pending.slice(0, cut);
      pending = pending.slice(cut);
      return frames;
    };

    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      for (;;) {
        try {
          const { value } = await timed((reader as ReadableStreamDefaultReader<Uint8Array>).read(), drop);
          if (value) {
            const frames = completed(value);
            if (!frames) continue;
            failures = 0;
            hasNews = true;
            controller.enqueue(new TextEncoder().encode(frames));
            if (!END.test(frames)) return;
            drop();
            break;
          }
        } catch {
          drop();
          hasNews = false; // a cut: others were cut with it, and need not come back together
        }
        life.signal.throwIfAborted();
        // An end in good order after events is that of a long stream, or of the task: asking again tells.
        if (!hasNews) await wait(0);
        const answer = await ask();
        if (answer.status === 204) break;
        if (!carriesEvents(answer))
          throw new StreamError(`HTTP_${answer.status}`, undefined, { status: answer.status });
        take(answer);
      }
      leave();
      controller.close();
    };

    const body = new ReadableStream<Uint8Array>({
      pull: (controller) =>
        pull(controller).catch((error: unknown) => {
          leave();
          throw error;
        }),
      cancel(reason) {
        leave();
        life.abort(reason);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

const carriesEvents = (response: Response): boolean => !!response.body && isStream(response);

/** There is nothing to come back to, or nobody may: other answers may be a proxy's. */
const isOver = ({ status, headers }: Response): boolean =>
  [204, 401, 403].includes(status) ||
  (FINAL.includes(status) && !!headers.get('Content-Type')?.startsWith('application/problem+json'));

/** A request that can be made more than once, and starts one task however often it is made. */
async function readRequest(
  input: Parameters<typeof globalThis.fetch>[0],
  init: RequestInit = {},
): Promise<RequestInit & { readonly url: string }> {
  const request = typeof input === 'object' && 'arrayBuffer' in input ? input : undefined;
  const { credentials, mode, redirect, method, signal } = request ?? init;
  const headers = new Headers(init.headers ?? request?.headers);
  if (!headers.has('Idempotency-Key')) headers.set('Idempotency-Key', randomKey() ?? noCrypto());
  let { body } = init;
  if (body instanceof ReadableStream) body = await new Response(body).arrayBuffer();
  else if (request && !body) {
    const bytes = await request.arrayBuffer(); // a Request of Firefox has a body, and no member that says so
    if (bytes.byteLength) body = bytes;
  }
  const members = { credentials, mode, redirect, method, signal };
  const known = Object.entries(members).filter(([, value]) => value && value !== 'navigate'); // polyfills say null
  const url = request?.url ?? (input as string | URL).toString();
  return { ...Object.fromEntries(known), ...init, headers, ...(body && { body }), url };
}

function noCrypto(): never {
  throw new StreamError('NO_CRYPTO', 'This platform has no crypto: send an Idempotency-Key header');
}
