import { settle } from '../support/clients/fake-fetch.js';
import { codeOf, complete, frame, KEY, open, passes, useFakeServer } from '../support/servers/fake-task-server.js';

const { fake, streamOf } = useFakeServer();

/** What a page has and Node has not: the events of the window, with their listeners counted. */
class Page {
  readonly target = new EventTarget();
  listeners = 0;
  readonly document = { hidden: false, prerendering: false };
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

  it('that comes out of the back/forward cache waits on for as long as the server asked', async () => {
    const { connection } = open();
    (await fake.request(1)).answer(503, { 'Retry-After': '60' });
    await settle();
    page.emit('pagehide');
    await settle();
    page.emit('pageshow');
    await passes(59_999);
    expect([connection.state, fake.asked.length]).toEqual(['waiting', 1]);
    await passes(1);
    expect(fake.asked).toHaveLength(2);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('that is prerendered asks nothing until it is activated: the server would refuse the start for good', async () => {
    Object.assign(page.document, { hidden: true, prerendering: true });
    const { connection, states } = open();
    await settle();
    page.emit('pageshow');
    page.document.hidden = false;
    page.emit('visibilitychange'); // which browsers tell before the activation
    await settle();
    expect([connection.state, fake.asked.length]).toEqual(['connecting', 0]);
    page.document.prerendering = false;
    page.emit('prerenderingchange');
    (await streamOf(1)).stream.write(complete(1));
    await connection.result;
    expect(states).toEqual(['open', 'closed']);
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

  it('that is back online replaces its open connection, which may be dead', async () => {
    const { connection } = open();
    const { asked } = await streamOf(1);
    page.emit('offline');
    page.emit('online');
    await settle();
    expect(asked.signal.aborted).toBe(true);
    (await streamOf(2)).stream.write(complete(1));
    await connection.result;
  });

  it('that slept longer than watchdogMs replaces its open connection, and one that was only hidden keeps it', async () => {
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

  it('that is offline never gives up', async () => {
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
