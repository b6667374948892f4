import { startCutProxy } from '../support/http/cut-proxy.js';
import { useHubServers } from '../support/servers/hub-server.js';
import { announceSeed, createRandom } from '../support/random/random.js';
import { openStream } from '../support/http/raw-http.js';

const startHub = useHubServers();
const random = createRandom(announceSeed('hub-connect'));

describe('a client of the hub', () => {
  it('gets the messages that it missed in the order of the hub, each once, over random cuts', async () => {
    const server = await startHub({ connect: () => ({ userId: 'ann', rooms: ['red'] }) });
    const draw = random.fork(1);
    const proxy = await startCutProxy({
      upstreamPort: server.port,
      plan: (connection) => ({
        after: draw.fork(connection).int(300, 4_000),
        kind: draw.fork(connection).pick(['rst', 'fin']),
      }),
    });
    const total = 400;
    const got: number[] = [];
    let lastEventId = '';
    let clientId = '';
    let connections = 0;
    let sent = 0;
    const sendSome = (count: number): void => {
      for (let i = 0; i < count && sent < total; i++) {
        const message = {
          data: { n: ++sent, text: 'é'.repeat(sent % 50) },
          ...(sent % 7 === 0 ? { id: `own:${sent}` } : {}),
        };
        if (sent % 4 === 0) server.hub.broadcast(message);
        else if (sent % 4 === 1) server.hub.publish('red', message);
        else if (sent % 4 === 2) server.hub.sendToUser('ann', message);
        else server.hub.send(clientId, message);
      }
    };
    try {
      while (got.length < total) {
        const headers: Record<string, string> = { 'x-client-id': clientId };
        if (lastEventId !== '') headers['last-event-id'] = lastEventId;
        connections++;
        const stream = await openStream(`${proxy.url}/connect`, { headers }).catch(() => undefined);
        if (stream === undefined) continue;
        clientId = String(stream.headers['x-client-id']);
        sendSome(draw.int(1, 40));
        try {
          for await (const { id, data, event } of stream.frames) {
            if (id !== undefined) lastEventId = id;
            expect(event === 'connected' || event === undefined).toBe(true);
            if (event === undefined && data !== undefined) got.push((JSON.parse(data) as { n: number }).n);
            if (got.length === total) break;
            if (got.length === sent) sendSome(draw.int(1, 20));
          }
        } catch {
          // cut: the client comes back
        }
        stream.destroy();
      }
    } finally {
      await proxy.close();
    }
    expect(got).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(connections).toBeGreaterThan(3);
    expect(server.hub.getClientInfo(clientId).rooms).toEqual(['red']);
  });

  it('gets a gap from a hub that has restarted, and none from one that has not', async () => {
    const before = await startHub();
    const after = await startHub();
    const first = await before.open();
    before.hub.broadcast({ data: 1 });
    const lastEventId = (await first.take(1))[0]!.id!;
    after.hub.broadcast({ data: 'other' });
    const headers = { 'x-client-id': first.clientId, 'last-event-id': lastEventId };
    const second = await after.open('/connect', { headers });
    expect(second.connected.id).toBeUndefined();
    const [gap] = await second.take(1);
    expect([gap!.event, JSON.parse(gap!.data!)]).toEqual(['gap', { from: 0, to: 1, reason: 'unknown' }]);
    after.hub.broadcast({ data: 'next' });
    expect(await second.take(1)).toMatchObject([{ data: '"next"', id: gap!.id!.replace(/\.1$/, '.2') }]);
  });

  it('gets a gap where history was trimmed, then the messages that are kept', async () => {
    const server = await startHub({ historyEvents: 8 });
    const first = await server.open();
    first.destroy();
    await server.left(1);
    for (let n = 1; n <= 20; n++) server.hub.broadcast({ data: n });
    const headers = { 'x-client-id': first.clientId, 'last-event-id': first.connected.id! };
    const again = await server.open('/connect', { headers });
    const frames = await again.take(9);
    expect(JSON.parse(frames[0]!.data!)).toEqual({ from: 1, to: 12, reason: 'trimmed' });
    expect(frames.slice(1).map(({ data }) => Number(data))).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  });

  it('gets a message with one id once', async () => {
    const server = await startHub();
    const client = await server.open();
    expect(server.hub.broadcast({ data: 1, id: 'order-1' })).toBe(1);
    expect(server.hub.broadcast({ data: 2, id: 'order-1' })).toBe(0);
    server.hub.broadcast({ data: 3 });
    expect((await client.take(2)).map(({ data, id }) => [data, id])).toEqual([
      ['1', 'order-1'],
      ['3', expect.stringMatching(/\.2$/)],
    ]);
  });

  it.each(['last_event_id', 'lastEventId'])('goes on after the event that ?%s= names', async (name) => {
    const server = await startHub();
    const first = await server.open();
    server.hub.broadcast({ data: 'a' });
    server.hub.broadcast({ data: 'b' });
    const [seen] = await first.take(1);
    const second = await server.open(`/connect?${name}=${encodeURIComponent(seen!.id!)}`);
    expect(second.connected.id).toBe(seen!.id);
    expect((await second.take(1))[0]!.data).toBe('"b"');
  });

  it('returns as another client without its id, and hears that it may have missed messages that were not for all', async () => {
    const server = await startHub();
    const first = await server.open();
    server.hub.broadcast({ data: 'a' });
    const lastEventId = (await first.take(1))[0]!.id!;
    const headers = { 'last-event-id': lastEventId };
    const exact = await server.open('/connect', { headers });
    expect(exact.clientId).not.toBe(first.clientId);
    server.hub.send(first.clientId, { data: 'secret' });
    server.hub.broadcast({ data: 'b' });
    expect((await exact.take(1))[0]!.data).toBe('"b"');
    const unsure = await server.open('/connect', { headers });
    const frames = await unsure.take(2);
    expect([frames[0]!.event, JSON.parse(frames[0]!.data!)]).toEqual(['gap', { from: 2, to: 2, reason: 'unknown' }]);
    expect(frames[1]!.data).toBe('"b"');
  });
});

describe('a client id', () => {
  const asUser = (query: URLSearchParams): { userId: string } | Record<string, never> =>
    query.has('user') ? { userId: query.get('user')! } : {};

  it('cannot be taken over while it is connected, nor by another user at any time', async () => {
    const server = await startHub({ connect: asUser });
    const nobody = await server.open();
    const ann = await server.open('/connect?user=ann');
    const thief = await server.open(`/connect?client_id=${nobody.clientId}`);
    const bob = await server.open(`/connect?user=bob&client_id=${ann.clientId}&last_event_id=${ann.connected.id}`);
    expect([nobody.clientId, ann.clientId]).not.toContain(thief.clientId);
    expect([nobody.clientId, ann.clientId]).not.toContain(bob.clientId);
    ann.destroy();
    await server.left(1);
    server.hub.send(ann.clientId, { data: 'for ann' });
    const bobAgain = await server.open(`/connect?user=bob&client_id=${ann.clientId}`);
    expect(bobAgain.clientId).not.toBe(ann.clientId);
    server.hub.broadcast({ data: 'for all' });
    for (const stream of [nobody, thief, bob, bobAgain]) {
      expect((await stream.take(1))[0]!.data).toBe('"for all"');
    }
    const annAgain = await server.open(`/connect?user=ann&client_id=${ann.clientId}`);
    expect((await annAgain.take(2)).map(({ data }) => data)).toEqual(['"for ann"', '"for all"']);
  });

  it('of a user moves to a new connection while the old one is not known to be dead yet', async () => {
    const server = await startHub({ connect: asUser, maxClientsPerUser: 1 });
    const old = await server.open('/connect?user=ann');
    const fresh = await server.open(`/connect?user=ann&client_id=${old.clientId}`);
    expect(fresh.clientId).toBe(old.clientId);
    await expect(old.rest()).rejects.toThrow();
    expect(server.hub.getActiveClientCount()).toBe(1);
  });

  it.each(['short', 'a'.repeat(65), '%00'.repeat(22), 'é'.repeat(22), '../'.repeat(10)])(
    'is refused with 400 as %s',
    async (id) => {
      const server = await startHub();
      const { status } = await server.open(`/connect?client_id=${encodeURI(id)}`);
      expect([status, server.hub.getStatistics().totalConnections]).toEqual([400, 0]);
    },
  );
});
