import { connectHub } from '../../lib/client/index.js';
import { settle } from '../support/clients/fake-fetch.js';
import {
  codeOf,
  complete,
  frame,
  KEY,
  open,
  passes,
  problem,
  URL_,
  useFakeServer,
} from '../support/servers/fake-task-server.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { Items } from '../support/clients/task-storage.js';

const { fake, streamOf } = useFakeServer();

describe('a storage', () => {
  it.each([
    ['start', 0, undefined],
    ['position', 2, undefined],
    ['snapshot', 0, 'snapshot'],
  ] as const)('lets a reloaded page begin at the %s', async (resumeFrom, position, replay) => {
    const storage = new Items();
    const options = { method: 'POST', body: 'order', storage, resumeFrom };
    const before = open(options);
    (await streamOf(1)).stream.write(frame(1, 'a') + frame(2, 'b'));
    await settle();
    before.connection.close(); // as the page goes: what is stored stays
    expect(storage.items.size).toBe(1);

    const after = open(options);
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.get('last-event-id')).toBe(`${KEY}.${position}`);
    expect(asked.headers.has('idempotency-key')).toBe(false);
    expect(new URL(asked.url).searchParams.get('replay') ?? undefined).toBe(replay);
    stream.write(frame(1, 'a') + frame(2, 'b'));
    await settle();
    expect(after.events).toHaveLength(2 - position);
    // A mere reconnect uses its position and asks for no snapshot.
    stream.cut();
    await passes(1_000);
    const third = await streamOf(3);
    expect([third.asked.headers.get('last-event-id'), third.asked.url]).toEqual([`${KEY}.2`, URL_]);
    third.stream.write(complete(3));
    await after.connection.result;
    expect(storage.items.size).toBe(0);
  });

  it('lets a page that was reloaded before the first answer repeat its start', async () => {
    const storage = new Items();
    const before = open({ method: 'POST', storage });
    const first = await fake.request(1);
    before.connection.close();
    const after = open({ method: 'POST', storage });
    const { asked, stream } = await streamOf(2);
    expect(asked.headers.get('idempotency-key')).toBe(first.headers.get('idempotency-key'));
    stream.write(complete(1));
    await after.connection.result;
    expect(storage.items.size).toBe(0);
  });

  it('remembers where a 202 said to attach', async () => {
    const storage = new Items();
    const before = open({ method: 'POST', storage });
    (await fake.request(1)).answer(202, { Location: 'http://tasks.test/events', 'X-Resume-Key': KEY });
    await fake.request(2);
    before.connection.close();
    const after = open({ method: 'POST', storage });
    const { asked, stream } = await streamOf(3);
    expect([asked.method, asked.url]).toEqual(['GET', 'http://tasks.test/events']);
    stream.write(complete(1));
    await after.connection.result;
  });

  it('holds a position only once a loop has handled the event', async () => {
    const storage = new Items();
    const { connection } = open({ storage, resumeFrom: 'position', storageKey: 'job' });
    const loop = connection[Symbol.asyncIterator]();
    const first = loop.next();
    (await streamOf(1)).stream.write(frame(1, 'a') + frame(2, 'b') + complete(3));
    await first;
    await settle();
    expect(storage.items.get('job')).toBe(`${KEY}.0 `); // 1 is in hand, 2 and 3 wait
    await loop.next();
    expect(storage.items.get('job')).toBe(`${KEY}.1 `);
    await loop.next();
    expect(storage.items.get('job')).toBe(`${KEY}.2 `);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
    expect(storage.items.size).toBe(0);
  });

  it.each([
    [problem(404, 'TASK_NOT_FOUND'), 0],
    [problem(410, 'TASK_EXPIRED'), 0],
    [problem(400, 'INVALID_CURSOR'), 0],
    [problem(401, 'UNAUTHORIZED'), 1],
    [problem(403, 'ORIGIN_NOT_ALLOWED'), 1],
    [[204] as const, 0],
  ])('after an answer %j holds %i items', async (answer, left) => {
    const storage = new Items();
    storage.setItem('job', `${KEY}.5`);
    const { connection } = open({ storage, storageKey: 'job', mode: 'resume' });
    (await fake.request(1)).answer(...(answer as [number]));
    await connection.result.catch(() => undefined);
    expect(storage.items.size).toBe(left);
  });

  it.each([
    ['there is nothing to come back to', { mode: 'resume' }, 'NOTHING_STORED'],
    ['headers() throws', { headers: () => Promise.reject(new Error('no token')) }, 'INVALID_REQUEST'],
    ['the key of the start is none', { idempotencyKey: '' }, 'INVALID_REQUEST'],
    ['the signal is aborted before the start', { signal: AbortSignal.abort({ code: 'ABORTED' }) }, 'ABORTED'],
  ] as const)('stays empty where %s, and names no later start', async (_why, options, code) => {
    const storage = new Items();
    expect(await codeOf(open({ ...options, storage }).connection.result)).toBe(code);
    expect([...storage.items]).toEqual([]);
    const { connection } = open({ storage });
    const { asked, stream } = await streamOf(1);
    expect(asked.headers.get('idempotency-key')).toMatch(/^[\d-]{31,}$/);
    stream.write(complete(1));
    await connection.result;
  });

  it('keeps the known task where a new start fails before its first request', async () => {
    const storage = new Items();
    storage.setItem(`task:${URL_}`, `${KEY}.0 `);
    const headers = (): never => {
      throw new Error('no token');
    };
    expect(await codeOf(open({ storage, mode: 'start', headers }).connection.result)).toBe('INVALID_REQUEST');
    expect(storage.items.get(`task:${URL_}`)).toBe(`${KEY}.0 `);
  });

  it('that throws loses the position, and the stream goes on', async () => {
    const broken = (): never => {
      throw new Error('denied');
    };
    const { connection } = open({ storage: { getItem: broken, setItem: broken, removeItem: broken } });
    (await streamOf(1)).stream.write(complete(1));
    expect(await connection.result).toBe('done');
  });

  it.each(['é', 'x'.repeat(300), '\r\n\0', 'two words', `${KEY}.5 not-a-url`, ' ', '{"page":7}'])(
    'that holds what somebody else has left, %j, does not keep the page from its task',
    async (left) => {
      const storage = new Items();
      storage.setItem(`task:${URL_}`, left);
      const { connection } = open({ storage });
      (await streamOf(1)).stream.write(complete(1));
      expect(await connection.result).toBe('done');
      expect(storage.items.size).toBe(0);
    },
  );

  it.each([
    ['a number', () => 5],
    ['a promise that resolves', () => Promise.resolve(`${KEY}.3 `)],
    ['a promise that rejects', () => Promise.reject(new Error('denied'))],
  ])('that answers with %s remembers nothing, and no rejection is left', async (_what, answer) => {
    const guard = new ProcessGuard();
    const storage = { getItem: answer, setItem: answer, removeItem: answer } as never;
    const hub = connectHub('http://hub.test/connect', { storage });
    hub.close();
    await hub.closed;
    const { connection } = open({ storage });
    const { asked, stream } = await streamOf(1);
    expect(asked.headers.has('idempotency-key')).toBe(true);
    stream.write(complete(1));
    expect(await connection.result).toBe('done');
    await settle();
    guard.close();
    expect(guard.take()).toEqual([]);
  });
});
