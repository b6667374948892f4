import { Counter } from '../jobs/flow.js';

/** One request of the client, and the test's hand on its answer. */
export interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly request: Request;
  readonly signal: AbortSignal;
  /** Answers with a stream that the test writes. */
  stream(headers?: Record<string, string>): FakeStream;
  answer(status: number, headers?: Record<string, string>, body?: string): void;
  /** As for a host that is not there. */
  fail(): void;
}

export interface FakeStream {
  write(text: string | Uint8Array): void;
  /** An orderly end, after `text`. */
  end(text?: string): void;
  /** How many writes have not been read yet. */
  unread(): number;
  /** A reset. */
  cut(): void;
}

export interface FakeFetch {
  readonly asked: readonly Asked[];
  /** The n-th request, from 1, when it comes. */
  request(n: number): Promise<Asked>;
}

/** Puts a fetch in place that the test answers by hand, until the end of each test. */
export function useFakeFetch(): FakeFetch {
  let asked: Asked[] = [];
  let count = new Counter();
  beforeEach(() => {
    asked = [];
    count = new Counter();
    jest.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      const request = new Request(input, init);
      return new Promise((resolve, reject) => {
        asked.push(toAsked(request, resolve, reject));
        request.signal.addEventListener('abort', () => reject(request.signal.reason as Error));
        count.add(1);
      });
    });
  });
  afterEach(() => jest.restoreAllMocks());
  return {
    get asked() {
      return asked;
    },
    async request(n) {
      await count.reached(n);
      return asked[n - 1]!;
    },
  };
}

function toAsked(request: Request, resolve: (response: Response) => void, reject: (error: Error) => void): Asked {
  const { url, method, headers, signal } = request;
  const respond = (body: ReadableStream | string | null, init: ResponseInit): void => {
    const response = new Response(body, init);
    Object.defineProperty(response, 'url', { value: url });
    resolve(response);
  };
  return {
    ...{ request, url, method, headers, signal },
    stream(given = {}) {
      let controller!: ReadableStreamDefaultController<Uint8Array>;
      const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
      let open = true;
      const once = (close: () => void) => (): void => {
        if (open) close();
        open = false;
      };
      signal.addEventListener(
        'abort',
        once(() => controller.error(signal.reason)),
      );
      respond(body, { headers: { 'Content-Type': 'text/event-stream', ...given } });
      return {
        write: (text) => controller.enqueue(typeof text === 'string' ? new TextEncoder().encode(text) : text),
        end(text) {
          if (text !== undefined) this.write(text);
          once(() => controller.close())();
        },
        unread: () => 1 - (controller.desiredSize ?? 1),
        cut: once(() => controller.error(new TypeError('terminated'))),
      };
    },
    answer: (status, given = {}, body = '') => respond(status === 204 ? null : body, { status, headers: given }),
    fail: () => reject(new TypeError('fetch failed')),
  };
}

/** Lets everything that is due happen, without moving the clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
