import { connectHub, streamTask, type FetchLike, type StreamTaskOptions } from '../../lib/client/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import { complete, IDS, open, task, URL_, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

describe('a mistake of the caller’s ends it at once, with the real error as the cause', () => {
  const thrown = new Error('mine');
  const bare = Object.create(null) as Error;
  const boom = (): never => {
    throw thrown;
  };
  const noToken = (): never => (JSON.parse('null') as { token: never }).token;
  const cases: [string, StreamTaskOptions, unknown][] = [
    ['headers() that throws', { headers: boom }, thrown],
    ['headers() that rejects', { headers: () => Promise.reject(thrown) }, thrown],
    ['headers() with a bug', { headers: () => ({ Authorization: noToken() }) }, { name: 'TypeError' }],
    ['headers() that rejects with what has no text', { headers: () => Promise.reject(bare) }, bare],
    ['a fetch that rejects with what has no text', { fetch: () => Promise.reject(bare) }, bare],
    ['a header with a line feed', { headers: { 'X-Name': 'a\nb' } }, { name: 'TypeError' }],
    ['a fetch that throws', { fetch: boom }, thrown],
    ['a fetch that rejects', { fetch: () => Promise.reject(thrown) }, thrown],
    ['a fetch with a bug', { fetch: () => Promise.resolve(noToken()) }, { name: 'TypeError' }],
    [
      'a fetch that reads a file which is not there',
      { fetch: () => Promise.reject(new Error("ENOENT: no such file or directory, open 'token'")) },
      { message: expect.stringContaining('ENOENT') as string },
    ],
    ['a fetch that answers nothing', { fetch: () => Promise.resolve(undefined as never) }, { name: 'TypeError' }],
    ['a body with GET', { body: 'x' }, { name: 'TypeError' }],
    ['a signal that is none', { signal: {} as never }, { name: 'TypeError' }],
  ];

  it.each(cases)('%s', async (_name, options, cause) => {
    const { connection, states } = open(options);
    const error: unknown = await connection.result.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StreamError', code: 'INVALID_REQUEST' });
    const actual = (error as { cause: unknown }).cause;
    if (cause instanceof Error || cause === bare) expect(actual).toBe(cause);
    else expect(actual).toMatchObject(cause as object);
    expect(states).toEqual(['closed']);
  });

  it.each([
    ['beyond ASCII', '日本'],
    ['with a blank', 'order 7'],
    ['that is empty', ''],
    ['that is too long', 'x'.repeat(256)],
  ])('an idempotency key %s, with a message that says what a key is', async (_what, idempotencyKey) => {
    const { connection } = open({ idempotencyKey });
    const message = expect.stringContaining('1 to 255 visible ASCII') as string;
    await expect(connection.result).rejects.toMatchObject({ code: 'INVALID_REQUEST', message });
    expect(fake.asked).toHaveLength(0);
  });

  it('a URL that has no text', async () => {
    const url = Symbol('report') as never;
    await expect(streamTask(url).result).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(connectHub(url).closed).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('a getter of maxRetries that throws, when it is read', async () => {
    const connection = streamTask(URL_, {
      get maxRetries() {
        return boom();
      },
    });
    (await fake.request(1)).answer(503);
    await expect(connection.result).rejects.toMatchObject({ code: 'INVALID_REQUEST', cause: thrown });
  });

  it('a url() that throws, of a task and of a hub', async () => {
    await expect(streamTask(boom).result).rejects.toMatchObject({ code: 'INVALID_REQUEST', cause: thrown });
    await expect(connectHub(boom).closed).rejects.toMatchObject({ code: 'INVALID_REQUEST', cause: thrown });
    expect(fake.asked).toHaveLength(0);
  });
});

it.each([
  new TypeError('fetch failed'),
  new TypeError('Failed to fetch'),
  new TypeError('NetworkError when attempting to fetch resource.'),
  new TypeError('Load failed'),
  new TypeError('Network request failed'),
  new DOMException('signal timed out', 'TimeoutError'),
  new Error('connect ECONNREFUSED 127.0.0.1:80'),
  new Error('read ECONNRESET'),
  new Error('getaddrinfo EAI_AGAIN tasks.test'),
  Object.assign(new Error('other side closed'), { name: 'SocketError' }),
])('a fetch of one’s own that fails for want of a network is retried: %s', async (failure) => {
  let isDown = true;
  const { connection, details } = open({
    fetch: (url, init) => (isDown ? Promise.reject(failure) : fetch(url, init)),
  });
  await settle();
  expect(details).toEqual([{ attempt: 1, waitMs: 2_000, cause: failure }]);
  isDown = false;
  await jest.advanceTimersByTimeAsync(2_000);
  (await streamOf(1)).stream.write(complete(1));
  expect(await connection.result).toBe('done');
});

describe('a platform that lacks something', () => {
  /** React Native’s own fetch: takes a URL and no Request, and answers when all is there, without a stream. */
  const bufferingFetch: FetchLike = (url) => {
    if (typeof url !== 'string') return Promise.reject(new TypeError('Network request failed'));
    const headers = new Headers({ ...IDS, 'Content-Type': 'text/event-stream' });
    const text = (): Promise<string> => Promise.resolve(task() + complete(1));
    return Promise.resolve({ ok: true, status: 200, url, headers, text } as unknown as Response);
  };

  it('learns at the first answer what to pass instead of a fetch without streams', async () => {
    const { connection, states } = open({ fetch: bufferingFetch });
    const refusal = { code: 'NO_STREAM', message: expect.stringContaining('expo/fetch') as string };
    await expect(connection.result).rejects.toMatchObject(refusal);
    expect(states).toEqual(['closed']);
  });

  it('learns before the job starts that its own fetch has no streams', async () => {
    class ResponseWithoutBody {
      readonly status = 200;
    }
    const own = Object.getOwnPropertyDescriptor(globalThis, 'Response')!;
    Object.defineProperty(globalThis, 'Response', { configurable: true, value: ResponseWithoutBody });
    try {
      await expect(open().connection.result).rejects.toMatchObject({ code: 'NO_STREAM' });
      expect(fake.asked).toHaveLength(0);
    } finally {
      Object.defineProperty(globalThis, 'Response', own);
    }
  });

  it('needs no crypto where a key is given, and otherwise learns that it has to give one', async () => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto')!;
    Object.defineProperty(globalThis, 'crypto', { configurable: true, value: undefined });
    try {
      const refusal = { code: 'NO_CRYPTO', message: expect.stringContaining('pass an idempotencyKey') as string };
      await expect(open().connection.result).rejects.toMatchObject(refusal);
      const { connection } = open({ idempotencyKey: 'order-7' });
      (await streamOf(1)).stream.write(complete(1));
      expect(await connection.result).toBe('done');
      const hub = connectHub('http://hub.test/connect');
      expect((await fake.request(2)).headers.has('x-client-id')).toBe(false);
      hub.close();
    } finally {
      Object.defineProperty(globalThis, 'crypto', own);
    }
  });

  it('may have a user and a password in the address of its page, which fetch would refuse', async () => {
    Object.assign(globalThis, { document: { baseURI: 'http://user:password@tasks.test/page' } });
    try {
      const { connection } = open({}, '/report');
      const { asked, stream } = await streamOf(1);
      expect(asked.url).toBe(URL_);
      stream.write(complete(1));
      await connection.result;
    } finally {
      Reflect.deleteProperty(globalThis, 'document');
    }
  });
});

it('the debug callback sees every request and every answer', async () => {
  const records: unknown[] = [];
  const { connection } = open({ debug: (record) => records.push(record) });
  (await fake.request(1)).answer(503);
  await settle();
  await jest.advanceTimersByTimeAsync(2_000);
  (await streamOf(2)).stream.write(complete(1));
  await connection.result;
  const headers = expect.any(Headers) as Headers;
  const request = { kind: 'request', method: 'GET', url: URL_, headers };
  expect(records).toEqual([
    request,
    { kind: 'answer', url: URL_, status: 503, headers },
    request,
    { kind: 'answer', url: URL_, status: 200, headers },
  ]);
});
