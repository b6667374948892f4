import { settle } from '../support/fake-fetch.js';
import { Items } from '../support/task-storage.js';
import type { StreamTaskOptions } from '../../lib/client/index.js';
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
} from '../support/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

/** What a page has and Node has not: the events of the window, with their listeners counted. */
class Page {
  readonly target = new EventTarget();
  listeners = 0;
  readonly document = { hidden: false };
  #online = true;

  install(): void {
    const addEventListener = (type: string, listener: () => void, options: { signal: AbortSignal }): void => {
      this.listeners++;
      options.signal.addEventListener('abort', () => this.listeners--);
      this.target.addEventListener(type, listener, options);
    };
    Object.assign(globalThis, { addEventListener, document: this.document });
    Object.defineProperty(globalThis, 'navigator', { configurable: true, get: () => ({ onLine: this.#online }) });
  }

  emit(type: string): void {
    this.#online = type === 'offline' ? false : type === 'online' ? true : this.#online;
    this.target.dispatchEvent(new Event(type));
  }
}

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

  it('is written by position only behind what a loop has handled', async () => {
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

  it('that throws costs the memory, not the stream', async () => {
    const broken = (): never => {
      throw new Error('denied');
    };
    const { connection } = open({ storage: { getItem: broken, setItem: broken, removeItem: broken } });
    (await streamOf(1)).stream.write(complete(1));
    expect(await connection.result).toBe('done');
  });
});

describe('a page', () => {
  let page: Page;
  beforeEach(() => {
    page = new Page();
    page.install();
  });
  afterEach(() => {
    expect(page.listeners).toBe(0); // every test ends its stream
    for (const name of ['addEventListener', 'document', 'navigator']) Reflect.deleteProperty(globalThis, name);
  });

  it('that comes out of the back/forward cache resumes at once', async () => {
    const { connection, events } = open();
    const { asked, stream } = await streamOf(1);
    expect(page.listeners).toBe(4);
    stream.write(frame(1, 'a'));
    await settle();
    page.emit('pagehide');
    page.document.hidden = true;
    page.emit('visibilitychange');
    await settle();
    expect([asked.signal.aborted, connection.state]).toEqual([true, 'waiting']);
    page.document.hidden = false;
    page.emit('pageshow');
    const second = await streamOf(2, 1);
    expect(second.asked.headers.get('last-event-id')).toBe(`${KEY}.1`);
    second.stream.write(complete(2));
    await connection.result;
    expect(events).toHaveLength(2);
  });

  it.each(['online', 'visibilitychange', 'pageshow'])('ends a wait on %s', async (type) => {
    const { connection } = open();
    (await fake.request(1)).fail();
    await settle();
    expect(connection.state).toBe('waiting');
    page.emit(type);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('that is hidden ends no wait', async () => {
    const { connection } = open();
    (await fake.request(1)).fail();
    await settle();
    page.document.hidden = true;
    page.emit('visibilitychange');
    await settle();
    expect([connection.state, fake.asked.length]).toEqual(['waiting', 1]);
    connection.close();
    await settle();
  });

  it('that is back online replaces what was open, since that may be dead', async () => {
    const { connection } = open();
    const { asked } = await streamOf(1);
    page.emit('offline');
    page.emit('online');
    await settle();
    expect(asked.signal.aborted).toBe(true);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('that slept longer than the watchdog replaces what was open; one that was only hidden keeps it', async () => {
    const { connection } = open({ watchdogMs: 10_000 });
    const { asked } = await streamOf(1);
    page.emit('visibilitychange');
    await settle();
    expect(asked.signal.aborted).toBe(false);
    jest.setSystemTime(Date.now() + 10_001); // no timer has run
    page.emit('visibilitychange');
    await settle();
    expect(asked.signal.aborted).toBe(true);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('that is offline is never given up', async () => {
    const { connection } = open({ maxRetries: 0 });
    page.emit('offline');
    (await fake.request(1)).fail();
    await settle();
    expect(connection.state).toBe('waiting');
    page.emit('online');
    (await fake.request(2)).fail();
    expect(await codeOf(connection.result)).toBe('GAVE_UP');
  });
});

describe('cancel()', () => {
  const LINK = { Link: '<http://tasks.test/tasks/task-1>; rel="status"' };

  it('waits for the first answer, deletes the task that it names, and the stream tells the end', async () => {
    const { connection } = open({ headers: () => ({ Authorization: 'Bearer 1' }) });
    const cancelled = connection.cancel();
    const { stream } = await streamOf(1, 0, LINK);
    const request = await fake.request(2);
    expect([request.method, request.url]).toEqual(['DELETE', 'http://tasks.test/tasks/task-1']);
    expect(request.headers.get('authorization')).toBe('Bearer 1');
    request.answer(204);
    await cancelled;
    stream.write(frame(1, { code: 'TASK_CANCELLED', reason: 'by the client' }, 'cancelled'));
    expect(await codeOf(connection.result)).toBe('TASK_CANCELLED');
    await connection.cancel();
    expect(fake.asked).toHaveLength(2);
  });

  it.each([
    [409, 'no error'],
    [404, 'HTTP_404'],
  ])('answered %i: %s', async (status, outcome) => {
    const { connection } = open();
    await streamOf(1, 0, LINK);
    const code = codeOf(connection.cancel());
    (await fake.request(2)).answer(status);
    expect(await code).toBe(outcome);
    connection.close();
    await settle();
  });

  it('goes through the fetch that the stream goes through', async () => {
    let asked = 0;
    const { connection } = open({
      fetch: (input, init) => {
        asked++;
        return fetch(input, init);
      },
    });
    await streamOf(1, 0, LINK);
    const cancelled = connection.cancel();
    (await fake.request(2)).answer(204);
    await cancelled;
    expect(asked).toBe(2);
    connection.close();
    await settle();
  });

  it('says so where the server named no place', async () => {
    const { connection } = open();
    await streamOf(1);
    expect(await codeOf(connection.cancel())).toBe('NO_LINK');
    connection.close();
    await settle();
  });
});

describe('whoever listens', () => {
  it('may throw or reject: the process is warned, and neither it nor the stream is disturbed', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const listen: StreamTaskOptions = {
      onProgress() {
        throw new Error('mine');
      },
      onGap: () => Promise.reject(new Error('mine too')) as never,
    };
    const { connection, events } = open(listen);
    const gap = frame(5, { from: 2, to: 5, reason: 'trimmed' }, 'gap');
    (await streamOf(1)).stream.write(frame(1, 'a') + gap + complete(6));
    await connection.result;
    await settle();
    expect(events).toHaveLength(3);
    expect(warn.mock.calls.map(([warning]) => warning)).toEqual(['Error: mine', 'Error: mine too']);
  });

  it('may leave its loop, which leaves the stream alone', async () => {
    const { connection, events } = open();
    const loop = (async () => {
      for await (const event of connection) return event.kind;
      return 'none';
    })();
    (await streamOf(1)).stream.write(frame(1, 'a') + frame(2, 'b') + complete(3));
    expect(await loop).toBe('progress');
    await connection.result;
    expect(events).toHaveLength(3);
  });

  it.each([
    ['close()', 'no error'],
    ['an answer 401', 'HTTP_401'],
  ])('in a loop hears of %s: %s', async (how, outcome) => {
    const { connection } = open();
    const loop = (async () => {
      for await (const event of connection) throw new Error(event.kind);
    })();
    const asked = await fake.request(1);
    if (how === 'close()') connection.close();
    else asked.answer(401);
    expect(await codeOf(loop)).toBe(outcome);
  });
});
