import { resumableFetch } from '../../lib/client/index.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { settle, type Asked, type FakeStream } from '../support/clients/fake-fetch.js';
import { IDS, complete, frame, passes, useFakeServer, URL_ } from '../support/servers/fake-task-server.js';

const { fake } = useFakeServer();

const PLACE = { ...IDS, 'Content-Location': '/tasks/task-1' };

/** Starts a task, and answers with its first event. */
async function start(
  options: Parameters<typeof resumableFetch>[1] = {},
  send?: typeof fetch,
): Promise<{ text: Promise<string>; asked: Asked; stream: FakeStream }> {
  const answered = resumableFetch(send, options)(URL_);
  const asked = await fake.request(1);
  const stream = asked.stream(PLACE);
  stream.write(frame(1, 'a'));
  const text = answered.then((response) => response.text());
  await settle();
  return { text, asked, stream };
}

it('resumableFetch waits for ever where watchdogMs is Infinity', async () => {
  const { text, stream } = await start({ watchdogMs: Infinity });
  await passes(1_000_000);
  expect(fake.asked).toHaveLength(1);
  stream.write(complete(2));
  expect(await text).toBe(frame(1, 'a') + complete(2));
});

it.each([
  ['retry', `retry: 99999999999\n${frame(2, 'b')}`, {}],
  ['Retry-After', frame(2, 'b'), { 'Retry-After': '99999999' }],
])(
  'resumableFetch does not ask at once where %s names a time that is too long for a timer',
  async (_what, last, headers) => {
    const { text, stream } = await start();
    stream.write(last);
    await settle();
    stream.cut();
    await settle();
    if ('Retry-After' in headers) {
      await passes(2_000);
      (await fake.request(2)).answer(503, headers);
      await settle();
    }
    const asked = fake.asked.length;
    await passes(1_000_000);
    expect(fake.asked).toHaveLength(asked);
    await jest.advanceTimersByTimeAsync(2e9 - 1_000_000);
    (await fake.request(asked + 1)).stream(PLACE).write(complete(3));
    expect(await text).toBe(frame(1, 'a') + last + complete(3));
  },
);

it('resumableFetch resumes at the URL that it asked, where a custom fetch answers without a URL', async () => {
  const send: typeof fetch = async (...args) => {
    const { body, headers } = await fetch(...args);
    return new Response(body, { headers });
  };
  const { text, stream } = await start({}, send);
  stream.end();
  const again = await fake.request(2);
  expect(again.url).toBe('http://tasks.test/tasks/task-1');
  again.stream(PLACE).write(complete(2));
  expect(await text).toBe(frame(1, 'a') + complete(2));
});

it('resumableFetch asks again where a resume is not answered', async () => {
  const { text, stream } = await start({ watchdogMs: 5_000 });
  stream.end();
  const unanswered = await fake.request(2);
  await passes(5_000);
  expect(unanswered.signal.aborted).toBe(true);
  await passes(2_000);
  (await fake.request(3)).stream(PLACE).write(complete(2));
  expect(await text).toBe(frame(1, 'a') + complete(2));
});

it('resumableFetch adds one abort listener, however often it resumes', async () => {
  const guard = new ProcessGuard();
  const { text, stream } = await start();
  let last = stream;
  for (let seq = 2; seq <= 15; seq++) {
    last.cut();
    await passes(60_000);
    last = (await fake.request(seq)).stream(PLACE);
    last.write(frame(seq, 'x'));
    await settle();
  }
  last.write(complete(16));
  await text;
  expect(guard.take()).toEqual([]);
  guard.close();
});

it('resumableFetch names the type of a body only where it sends one', async () => {
  const answered = resumableFetch()(URL_, {
    method: 'POST',
    body: '{}',
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer x' },
  });
  const asked = await fake.request(1);
  const stream = asked.stream(PLACE);
  stream.write(frame(1, 'a'));
  const text = answered.then((response) => response.text());
  await settle();
  stream.end();
  const again = await fake.request(2);
  expect([again.method, again.headers.get('Content-Type'), again.headers.get('Authorization')]).toEqual([
    'GET',
    null,
    'Bearer x',
  ]);
  expect(asked.headers.get('Content-Type')).toBe('application/json');
  again.stream(PLACE).write(complete(2));
  expect(await text).toBe(frame(1, 'a') + complete(2));
});

it.each([
  ['of Firefox, which has a body and no member that says so', { body: undefined }, undefined, 'asked'],
  ['of a polyfill, whose mode is null', { mode: null }, undefined, 'asked'],
  ['beside a body that is given in its place', {}, { body: 'given' }, 'given'],
])('resumableFetch sends the body with a Request %s', async (_of, members, init, body) => {
  const request = new Request(URL_, { method: 'POST', body: 'asked' });
  for (const [name, value] of Object.entries(members)) Object.defineProperty(request, name, { value });
  const answered = resumableFetch()(request, init);
  const asked = await Promise.race([fake.request(1), answered]);
  if (asked instanceof Response) throw new Error('nothing was asked');
  asked.answer(200, {}, 'taken');
  expect([asked.method, await asked.request.text()]).toEqual(['POST', body]);
  expect(await (await answered).text()).toBe('taken');
});
