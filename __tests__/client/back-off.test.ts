import { backOff } from '../../lib/client/connection/back-off.js';
import { settle } from '../support/clients/fake-fetch.js';
import {
  codeOf,
  complete,
  frame,
  open,
  passes,
  task,
  useFakeServer,
  IDS,
} from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

it('a line that is cut right after the first frame is asked ever more seldom, and given up', async () => {
  const { connection, details } = open({ maxRetries: 3 });
  for (let attempt = 1; attempt <= 4; attempt++) {
    const { stream } = await streamOf(attempt);
    stream.cut();
    await settle();
    await passes(8_000);
  }
  expect(await codeOf(connection.result)).toBe('GAVE_UP');
  const waits = details.flatMap(({ waitMs }) => waitMs ?? []);
  expect(waits).toEqual([1_000, 2_000, 4_000]);
  expect(fake.asked).toHaveLength(4);
});

it('only events reset the count of failed attempts', async () => {
  const { connection, details } = open();
  (await fake.request(1)).fail();
  await passes(2_000);
  (await fake.request(2)).fail();
  await passes(4_000);
  const { stream } = await streamOf(3);
  stream.write(frame(1, 'a'));
  await settle();
  stream.cut();
  await settle();
  expect(details.flatMap(({ attempt, waitMs }) => (waitMs === undefined ? [] : [[attempt, waitMs]]))).toEqual([
    [1, 2_000],
    [2, 4_000],
    [1, 1_000],
  ]);
  connection.close();
  await settle();
});

it('an unreadable event does not reset the count: a task that sends one again and again is given up', async () => {
  const { connection } = open({ maxRetries: 3 });
  for (let attempt = 1; attempt <= 4; attempt++) {
    const { stream } = await streamOf(attempt);
    stream.write(frame(1, 'a').replace('"a"', '{'));
    await settle();
    await passes(8_000);
  }
  expect(await codeOf(connection.result)).toBe('GAVE_UP');
  expect(fake.asked).toHaveLength(4);
});

it('a server that said "retry: 0" and is gone is not asked hundreds of times a second', async () => {
  const { connection } = open();
  const { stream } = await streamOf(1);
  stream.write('retry: 0\n\n');
  await settle();
  stream.cut();
  for (let ms = 0; ms < 10_000; ms += 10) {
    await jest.advanceTimersByTimeAsync(10);
    for (const asked of fake.asked.slice(1)) asked.fail();
  }
  await settle();
  expect(fake.asked.length).toBeLessThanOrEqual(10);
  connection.close();
  await settle();
});

it('the client waits at least a little, and at most half a minute unless it is told to wait longer', () => {
  expect(backOff(0, 0)).toBe(50);
  expect(backOff(1_000, 99)).toBe(30_000);
  expect(backOff(60_000, 3)).toBe(60_000);
});

describe('a page', () => {
  const target = new EventTarget();
  beforeEach(() => {
    Object.assign(globalThis, { addEventListener: target.addEventListener.bind(target), document: { hidden: false } });
  });
  afterEach(() => {
    for (const name of ['addEventListener', 'document']) Reflect.deleteProperty(globalThis, name);
  });

  it('keeps to a Retry-After although its tab is switched twenty times', async () => {
    const { connection } = open();
    (await fake.request(1)).answer(503, { 'Retry-After': '60' });
    await settle();
    for (let times = 0; times < 20; times++) {
      target.dispatchEvent(new Event('visibilitychange'));
      await passes(1_000);
    }
    expect(fake.asked).toHaveLength(1);
    await passes(40_000);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('repeats an unanswered request when the network is back', async () => {
    const { connection } = open({ method: 'POST', body: 'order' });
    const first = await fake.request(1);
    target.dispatchEvent(new Event('online'));
    const { asked, stream } = await streamOf(2);
    expect([first.signal.aborted, asked.headers.get('idempotency-key')]).toEqual([
      true,
      first.headers.get('idempotency-key'),
    ]);
    stream.write(complete(1));
    await connection.result;
  });
});

describe('a POST', () => {
  it('that nobody answers is given up after watchdogMs, and repeated with its key', async () => {
    const { connection, details } = open({ method: 'POST', body: 'order', watchdogMs: 500 });
    const first = await fake.request(1);
    await passes(600);
    expect(first.signal.aborted).toBe(true);
    expect(details[0]).toMatchObject({ attempt: 1, cause: { code: 'UNANSWERED' } });
    await passes(2_000);
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.get('idempotency-key')).toBe(first.headers.get('idempotency-key'));
    stream.write(complete(1));
    await connection.result;
  });

  it.each([
    ['text', 'x'.repeat(1_000_000)],
    ['bytes', new Uint8Array(1_000_000)],
    ['a blob', new Blob(['x'.repeat(1_000_000)])],
    ['a form', ((form) => (form.set('file', new Blob(['x'.repeat(1_000_000)])), form))(new FormData())],
  ])('that uploads %s is given the time for it', async (_name, body) => {
    const { connection } = open({ method: 'POST', body, watchdogMs: 500 });
    const first = await fake.request(1);
    await passes(60_000); // a megabyte at 16 KB/s
    expect(first.signal.aborted).toBe(false);
    await passes(5_000);
    expect(first.signal.aborted).toBe(true);
    connection.close();
    await settle();
  });

  it('is given up through a fetch that takes no notice of its signal', async () => {
    const { connection, states } = open({ fetch: () => new Promise<never>(() => undefined), watchdogMs: 500 });
    await settle();
    await passes(600);
    expect(states).toEqual(['waiting']);
    connection.close();
    await settle();
  });
});

it('a stream that is silent from its headers on is given up as well', async () => {
  const { connection, states } = open({ watchdogMs: 500 });
  (await fake.request(1)).stream(IDS);
  await passes(500);
  expect(states).toEqual(['open', 'waiting']);
  await passes(2_000);
  (await fake.request(2)).stream(IDS).write(task() + complete(1));
  await connection.result;
});
