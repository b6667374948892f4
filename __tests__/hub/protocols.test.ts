import compression from 'compression';
import type { Express } from 'express';
import { createHub } from '../../lib/index.js';
import { Counter } from '../support/jobs/flow.js';
import { compressEverything, openGzip } from '../support/http/gzip.js';
import { listenHttp2, openHttp2, type Http2Listening } from '../support/http/http2.js';
import { useHubServers } from '../support/servers/hub-server.js';

const startHub = useHubServers();

describe('a hub over HTTP/2', () => {
  const hub = createHub();
  const left = new Counter();
  let server: Http2Listening;

  beforeAll(async () => {
    hub.on('disconnect', () => left.add(1));
    server = await listenHttp2((req, res) => hub.connect(req, res, { rooms: ['red'] }));
  });

  afterAll(async () => {
    await hub.stop();
    await server.close();
  });

  it('carries many clients in one session, and a client that comes back', async () => {
    const session = server.connect();
    const clients = await Promise.all(Array.from({ length: 20 }, () => openHttp2(session, '/')));
    const ids = clients.map(({ headers }) => String(headers['x-client-id']));
    expect(new Set(ids).size).toBe(20);
    for (const client of clients) expect((await client.next())!.event).toBe('connected');
    hub.broadcast({ data: 1 });
    const [first, ...others] = clients;
    const { id } = (await first!.next())!;
    for (const client of others) expect((await client.next())!.data).toBe('1');

    first!.stream.close();
    await left.reached(1);
    hub.publish('red', { data: 2 });
    hub.send(ids[0]!, { data: 3 });
    const again = await openHttp2(session, '/', { 'x-client-id': ids[0], 'last-event-id': id });
    expect(again.headers['x-client-id']).toBe(ids[0]);
    const frames = [await again.next(), await again.next(), await again.next()];
    expect(frames.map((frame) => frame!.event ?? frame!.data)).toEqual(['connected', '2', '3']);
  });
});

const MOUNTED: [how: string, use: (app: Express) => void, encoding: string | undefined][] = [
  ['mounted, which leaves a stream alone', (app) => app.use(compression({ threshold: 0 })), undefined],
  ['forced on the stream', compressEverything, 'gzip'],
];

describe.each(MOUNTED)('a hub with a compression middleware %s', (_how, use, encoding) => {
  it('delivers each message when it is sent, and notices who leaves', async () => {
    const server = await startHub({ use });
    const stream = await openGzip(`${server.url}/connect`);
    expect(stream.headers['content-encoding']).toBe(encoding);
    await stream.readUntil('.0\n\n');
    for (let n = 1; n <= 3; n++) {
      server.hub.broadcast({ data: { n } });
      await stream.readUntil(`.${n}\n\n`);
    }
    stream.destroy();
    await server.left(1);
    expect(server.hub.getActiveClientCount()).toBe(0);
  });
});
