import { createParser } from 'eventsource-parser';
import { ManualClock } from '../support/clock/manual-clock.js';
import { openStream } from '../support/http/raw-http.js';
import { BEYOND_SOCKETS } from '../support/http/socket-buffers.js';
import { useHubServers } from '../support/servers/hub-server.js';

const startHub = useHubServers();

describe('limits of the hub', () => {
  it('refuse with 503 and 429 and a jittered Retry-After, and evict nobody', async () => {
    const server = await startHub({
      maxClients: 3,
      maxClientsPerUser: 2,
      connect: (query) => ({ userId: query.get('user') ?? undefined }),
    });
    const clients = [await server.open('/connect?user=a'), await server.open('/connect?user=a')];
    const tooMany = await server.open('/connect?user=a');
    expect([tooMany.status, JSON.parse(await tooMany.text()).code]).toEqual([429, 'TOO_MANY_CLIENTS']);
    clients.push(await server.open('/connect?user=b'));
    const waits = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const full = await fetch(`${server.url}/connect?user=c`);
      expect([full.status, ((await full.json()) as { code: string }).code]).toEqual([503, 'AT_CAPACITY']);
      waits.add(full.headers.get('retry-after')!);
    }
    expect(waits.size).toBeGreaterThan(1);
    expect(server.hub.broadcast({ data: 1 })).toBe(3);
    for (const client of clients) expect((await client.take(1))[0]!.data).toBe('1');
  });

  it('forget clients that are away for too long, and drop their rooms', async () => {
    const clock = new ManualClock();
    const server = await startHub({ clock, absenceMs: 60_000, connect: () => ({ rooms: ['red'] }) });
    const client = await server.open();
    const { clientId } = client;
    client.destroy();
    await server.left(1);
    clock.advance(59_000);
    server.hub.send(clientId, { data: 1 });
    clock.advance(60_000);
    expect(() => server.hub.send(clientId, { data: 2 })).toThrow(expect.objectContaining({ code: 'CLIENT_NOT_FOUND' }));
    await new Promise((resolve) => setImmediate(resolve)); // the sweeper looks up when its sweep is over
    expect(clock.timers).toBe(0);
  });
});

describe('time in the hub', () => {
  it.each([
    [false, { comment: 'heartbeat', event: undefined, id: undefined }],
    [true, { comment: undefined, event: 'heartbeat', data: '{}', id: undefined }],
  ])('brings a heartbeat after 30 s of silence (as an event: %s)', async (heartbeatEvent, frame) => {
    const clock = new ManualClock();
    const server = await startHub({ clock, heartbeatEvent });
    const client = await server.open();
    clock.advance(30_000);
    expect(await client.take(1)).toMatchObject([frame]);
    expect(clock.timers).toBe(1);
  });

  it('drops a client that takes nothing for clientTimeoutMs, while others go on', async () => {
    const clock = new ManualClock();
    const server = await startHub({ clock, clientTimeoutMs: 60_000 });
    const idle = await openStream(`${server.url}/connect`);
    const reader = await server.open();
    for (let sent = 0; sent < BEYOND_SOCKETS; sent += 500_000) {
      server.hub.broadcast({ data: 'x'.repeat(500_000) });
      await reader.take(1);
    }
    expect(server.hub.getActiveClientCount()).toBe(2);
    const left = server.left(1);
    for (let i = 0; i < 8; i++) {
      clock.advance(15_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await left;
    const gone = String(idle.headers['x-client-id']);
    expect(server.hub.getClientInfo(gone).connected).toBe(false);
  });

  it('ends with stop(), which ends every stream with a jittered retry, refuses newcomers and leaves no timer', async () => {
    const clock = new ManualClock();
    const server = await startHub({ clock });
    const clients = await Promise.all([server.open(), server.open(), server.open()]);
    server.hub.broadcast({ data: 'last' });
    await server.hub.stop();
    await server.hub.stop();
    for (const client of clients) {
      const frames = await client.rest();
      expect(frames.map(({ data }) => data)).toEqual(['"last"', undefined]);
      expect(frames[1]!.retry).toBeGreaterThanOrEqual(1_500);
    }
    expect((await server.open()).status).toBe(503);
    expect(server.hub.getActiveClientCount()).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('is not disturbed by a listener that throws', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const server = await startHub();
    const seen: string[] = [];
    server.hub.on('connect', () => {
      throw new Error('listener');
    });
    server.hub.on('connect', ({ id }) => seen.push(id));
    const { clientId } = await server.open();
    expect(seen).toEqual([clientId]);
    expect(warn.mock.calls).toEqual([
      [expect.stringContaining('listener'), expect.objectContaining({ type: 'CallbackWarning' })],
    ]);
    warn.mockRestore();
  });
});

it('a listener of the hub that adds a listener in each call is called once, and what it adds from the next client on', async () => {
  const server = await startHub();
  let calls = 0;
  const listen = (): void => {
    server.hub.on('connect', () => {
      if (++calls < 100) listen();
    });
  };
  listen();
  await server.open();
  expect(calls).toBe(1);
  await server.open();
  expect(calls).toBe(3);
});

describe('the text of a message', () => {
  it('comes out of a parser as it went in', async () => {
    const server = await startHub();
    const client = await server.open();
    const texts = ['a\r\nb\rc\nd', '\u2028\u2029\ufeff', ' : leading', 'data: x\n\nid: 9', '\ud800', '😀'];
    for (const text of texts) server.hub.broadcast({ event: 'text', data: text });
    const got: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => got.push(JSON.parse(data) as string) });
    for (const { event, data, id } of await client.take(texts.length)) {
      parser.feed(`event: ${event}\ndata: ${data}\nid: ${id}\n\n`);
    }
    expect(got).toEqual(texts);
  });
});
