/** A `fetch` of the caller's own may know nothing of an AbortSignal, and an answer need not end. */
import { resumableFetch, streamTask, type FetchLike } from '../../lib/client/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import {
  codeOf,
  complete,
  frame,
  IDS,
  open,
  passes,
  task,
  URL_,
  useFakeServer,
} from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

/** An answer whose body never ends by itself, and a fetch that gives it whatever becomes of the signal. */
function endless(contentType: string, text = '', send?: () => string) {
  let [asked, ended, sent] = [0, 0, 0];
  const answer = (): Response => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      pull: (controller) => {
        const more = send?.();
        if (more === undefined) return;
        sent += more.length;
        controller.enqueue(new TextEncoder().encode(more));
      },
      cancel: () => {
        ended++;
      },
    });
    return new Response(body, { headers: { ...IDS, 'Content-Type': contentType } });
  };
  const fetchIt: FetchLike = () => {
    asked++;
    return Promise.resolve(answer());
  };
  return { send: fetchIt, counts: () => ({ asked, open: asked - ended }), sent: () => sent };
}

describe('over a fetch that takes no notice of its signal', () => {
  it.each([
    ['before the request, and nothing is asked', 'request', 0],
    ['at the head of the answer, and its body is let go', 'answer', 1],
    ['when it is open, and its body is let go', 'open', 1],
    ['at an event, and its body is let go', 'event', 1],
  ])('a callback closes a stream %s', async (_what, where, requests) => {
    const { send, counts } = endless('text/event-stream', task() + frame(1, 'a'));
    const closeAt = (place: string): void => {
      if (place === where) connection.close();
    };
    const connection = streamTask(URL_, {
      fetch: send,
      debug: ({ kind }) => closeAt(kind),
      onStateChange: closeAt,
      onEvent: () => closeAt('event'),
    });
    expect(await codeOf(connection.result)).toBe('CLOSED');
    await settle();
    expect(counts()).toEqual({ asked: requests, open: 0 });
  });

  it('an answer that is no stream and has no end is given up, and asked for again', async () => {
    const { send, counts } = endless('text/html', '<p>');
    const { connection, details } = open({ fetch: send, watchdogMs: 5_000 });
    await passes(5_000);
    expect(details).toMatchObject([{ attempt: 1, cause: { code: 'HTTP_200', body: '<p>' } }]);
    await passes(2_000);
    connection.close();
    await settle();
    expect(counts()).toEqual({ asked: 2, open: 0 });
  });

  it('a page that comes online while headers() is waited for asks once more, and is not stuck', async () => {
    const page = new EventTarget();
    Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page) });
    const headers: (() => void)[] = [];
    const { connection } = open({
      headers: () => new Promise((resolve) => headers.push(() => resolve({}))),
      fetch: (url, init) => fetch(url, { ...init, signal: null }),
    });
    await settle();
    page.dispatchEvent(new Event('online'));
    headers[0]!();
    await settle();
    headers[1]!();
    (await streamOf(1)).stream.write(complete(1));
    expect(await connection.result).toBe('done');
    expect(fake.asked).toHaveLength(1);
    Reflect.deleteProperty(globalThis, 'addEventListener');
  });
});

it('of an answer that is no stream only the beginning is read', async () => {
  const { send, sent } = endless('video/mp4', '', () => 'x'.repeat(10_000));
  const { connection, states, details } = open({ fetch: send });
  await settle();
  while (states.length === 0 && sent() < 10_000_000) await settle();
  connection.close();
  expect(details[0]).toMatchObject({ cause: { code: 'HTTP_200' } });
  expect(sent()).toBeLessThan(200_000);
});

it('resumableFetch gives up a line that never ends, before it fills the memory', async () => {
  const { send, sent, counts } = endless('text/event-stream', frame(1, 'a'), () => 'x'.repeat(1_000_000));
  const controller = new AbortController();
  const response = await resumableFetch(send as typeof fetch)(URL_, { signal: controller.signal });
  const outcome = response.text().catch((error: unknown) => (error as Error).name);
  while (counts().open > 0 && sent() < 40_000_000) await settle();
  expect(sent()).toBeLessThan(40_000_000);
  controller.abort();
  expect(await outcome).toBe('AbortError');
});

it('a media type may be written in capital letters', async () => {
  const { connection } = open();
  (await fake.request(1)).stream({ ...IDS, 'Content-Type': 'Text/Event-Stream; charset=UTF-8' }).write(complete(1));
  expect(await connection.result).toBe('done');
});
