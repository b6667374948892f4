import { settle } from '../support/clients/fake-fetch.js';
import {
  codeOf,
  complete,
  frame,
  IDS,
  KEY,
  open,
  passes,
  problem,
  URL_,
  useFakeServer,
} from '../support/servers/fake-task-server.js';
import { Items } from '../support/clients/task-storage.js';

const { fake, streamOf } = useFakeServer();
const PLACE = { 'Content-Location': '/tasks/task-1/events' };
const PLACE_URL = 'http://tasks.test/tasks/task-1/events';

describe('an answer that is not the library’s own', () => {
  it.each([
    [400, { 'Content-Type': 'application/json' }, '{"errors":["question"]}'],
    [404, { 'Content-Type': 'text/html' }, '<h1>default backend - 404</h1>'],
    [404, { 'Content-Type': 'application/problem+json' }, '{"code":"ROUTE_NOT_FOUND","detail":"a gateway"}'],
    [404, { 'Content-Type': 'application/json' }, '{"code":"TASK_NOT_FOUND"}'],
    [408, {}, ''],
    [409, {}, ''],
    [410, {}, 'gone'],
    [425, {}, ''],
    [429, {}, 'slow down'],
    [499, {}, ''],
    [500, {}, ''],
    [502, {}, '<h1>Bad Gateway</h1>'],
    [200, { 'Content-Type': 'text/html' }, '<h1>You are offline</h1>'],
    [202, {}, 'accepted, but where?'],
  ] as const)('%i %j %s is retried and reported, and leaves the storage alone', async (status, headers, body) => {
    const storage = new Items();
    const item = `${KEY}.3 `;
    storage.setItem(`task:${URL_}`, item);
    const { connection, states, details } = open({ storage, resumeFrom: 'position' });
    (await fake.request(1)).answer(status, headers, body);
    await settle();
    expect(states).toEqual(['waiting']);
    expect(details[0]).toMatchObject({ attempt: 1, waitMs: 2_000, cause: { name: 'StreamError', status } });
    expect(storage.items.get(`task:${URL_}`)).toBe(item);
    await passes(2_000);
    const { asked, stream } = await streamOf(2, 3);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.3`);
    stream.write(complete(4));
    expect(await connection.result).toBe('done');
  });

  it('ends the stream with its own text where the application marks it as final', async () => {
    const { connection } = open({ isFinal: ({ status }) => status === 400 });
    const body = { code: 'BAD_QUESTION', message: 'A question has a question mark' };
    (await fake.request(1)).answer(400, { 'Content-Type': 'application/json' }, JSON.stringify(body));
    await expect(connection.result).rejects.toMatchObject({ ...body, status: 400, body });
  });

  it('passes on the text with which the application refuses', async () => {
    const { connection, details } = open();
    (await fake.request(1)).answer(401, { 'Content-Type': 'application/json' }, '{"message":"Log in first"}');
    const refusal = { code: 'HTTP_401', message: 'Log in first', status: 401, body: { message: 'Log in first' } };
    await expect(connection.result).rejects.toMatchObject(refusal);
    expect(details.at(-1)?.cause).toMatchObject(refusal);
  });
});

describe('a resume', () => {
  it('is a GET to where the server says, relative to the answer, with the query of the url as it is now', async () => {
    let token = 0;
    const { connection } = open(
      { method: 'POST', body: 'q', headers: { 'X-CSRF': 'a' } },
      () => `${URL_}?token=${++token}`,
    );
    const first = await streamOf(1, 0, PLACE);
    first.stream.cut();
    await passes(2_000);
    const { asked, stream } = await streamOf(2, 0, PLACE);
    expect([asked.method, asked.url]).toEqual(['GET', `${PLACE_URL}?token=2`]);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.0`);
    expect(await asked.request.text()).toBe('');
    stream.write(complete(1));
    await connection.result;
  });

  it('repeats the request with its body where the server names no place', async () => {
    const { connection } = open({ method: 'POST', body: 'question' });
    (await streamOf(1)).stream.cut();
    await passes(2_000);
    const { asked, stream } = await streamOf(2);
    expect([asked.method, asked.url, await asked.request.text()]).toEqual(['POST', URL_, 'question']);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.0`);
    stream.write(complete(1));
    await connection.result;
  });

  it('finds its URL where a custom fetch rebuilds the answer, which then has none', async () => {
    const { connection } = open({
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        return new Response(response.body, response);
      },
    });
    (await streamOf(1, 0, PLACE)).stream.cut();
    await passes(2_000);
    const { asked, stream } = await streamOf(2);
    expect(asked.url).toBe(PLACE_URL);
    stream.write(complete(1));
    await connection.result;
  });

  it('goes on with the id as it was given, the attempt of the task included', async () => {
    const { connection } = open();
    const { stream } = await streamOf(1);
    stream.write(frame(1, 'a'));
    await settle();
    stream.cut();
    await passes(1_000);
    const second = await streamOf(2, 1);
    expect(second.asked.headers.get('last-event-id')).toBe(`${KEY}.1`);
    second.stream.write(complete(2));
    await connection.result;
  });
});

describe('with a storage', () => {
  const name = `task:${URL_}`;

  it('mode start begins a new task, whatever is stored, and the end of the old one does not erase it', async () => {
    const storage = new Items();
    const old = open({ storage, body: 'A', method: 'POST' });
    const first = await streamOf(1);
    const next = open({ storage, body: 'B', method: 'POST', mode: 'start' });
    const { headers, request } = await fake.request(2);
    expect([headers.get('last-event-id'), await request.text()]).toEqual([null, 'B']);
    expect(headers.get('idempotency-key')).not.toBe(first.asked.headers.get('idempotency-key'));
    const stored = storage.items.get(name);
    first.stream.write(complete(1));
    await old.connection.result;
    expect(storage.items.get(name)).toBe(stored);
    next.connection.close();
    await settle();
  });

  it('mode resume reattaches, and rejects where nothing is stored', async () => {
    const storage = new Items();
    expect(await codeOf(open({ storage, mode: 'resume' }).connection.result)).toBe('NOTHING_STORED');
    expect(fake.asked).toHaveLength(0);
    storage.setItem(name, `${KEY}.0 ${PLACE_URL}`);
    const { connection } = open({ storage, mode: 'resume', method: 'POST', body: 'never sent' });
    const { asked, stream } = await streamOf(1);
    expect([asked.method, asked.url, asked.headers.get('last-event-id')]).toEqual(['GET', PLACE_URL, `${KEY}.0`]);
    stream.write(complete(1));
    await connection.result;
  });

  it.each([
    ['a task that the server has forgotten', `${KEY}.7 ${PLACE_URL}`, problem(404, 'TASK_NOT_FOUND')],
    ['an expired task', `${KEY}.7 `, problem(410, 'TASK_EXPIRED')],
    ['a start with another body', 'its-key ', problem(422, 'KEY_REUSED')],
  ])('mode auto starts anew where it knows only %s', async (_what, item, answer) => {
    const storage = new Items();
    storage.setItem(name, item);
    const { connection } = open({ storage, method: 'POST', body: 'B', resumeFrom: 'position' });
    (await fake.request(1)).answer(...answer);
    const { asked, stream } = await streamOf(2);
    expect([asked.method, asked.url, asked.headers.has('last-event-id')]).toEqual(['POST', URL_, false]);
    expect(asked.headers.get('idempotency-key')).not.toBe('its-key');
    stream.write(complete(1));
    await connection.result;
    expect(storage.items.size).toBe(0);
  });

  it('never starts anew in the middle: a task that was followed and is gone is an error', async () => {
    const { connection } = open({ storage: new Items() });
    (await streamOf(1)).stream.cut();
    await passes(2_000);
    (await fake.request(2)).answer(...problem(404, 'TASK_NOT_FOUND'));
    expect(await codeOf(connection.result)).toBe('TASK_NOT_FOUND');
  });

  it('a 202 that names its place by Content-Location is attached there', async () => {
    const { connection } = open({ method: 'POST', body: 'q' });
    (await fake.request(1)).answer(202, { ...IDS, ...PLACE, Location: '/elsewhere' }, '{}');
    const { asked, stream } = await streamOf(2);
    expect([asked.method, asked.url]).toEqual(['GET', PLACE_URL]);
    stream.write(complete(1));
    await connection.result;
  });
});

it.each([
  ['true', 'HTTP_404'],
  ['false', 'waiting'],
])('an isFinal that is async and says %s is waited for', async (answer, outcome) => {
  const { connection } = open({ isFinal: async () => answer === 'true' });
  (await fake.request(1)).answer(404);
  await settle();
  expect(connection.state).toBe(outcome === 'waiting' ? 'waiting' : 'closed');
  connection.close();
  expect(await codeOf(connection.result)).toBe(outcome === 'waiting' ? 'CLOSED' : outcome);
});

it.each(['Infinity', '1e9', '0x10000', '-5', 'soon'])(
  'a Retry-After of %s, which names no time, is none',
  async (text) => {
    const { connection, details } = open();
    (await fake.request(1)).answer(503, { 'Retry-After': text });
    await settle();
    expect(details).toMatchObject([{ waitMs: 2_000 }]);
    connection.close();
  },
);
