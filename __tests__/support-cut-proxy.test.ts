import net from 'node:net';
import { randomCuts } from './support/http/cut-proxy.js';
import { createRandom } from './support/random/random.js';
import { rawRequest, receiveAll, requestBytes, type Listening } from './support/http/raw-http.js';
import { BEYOND_SOCKETS } from './support/http/socket-buffers.js';
import { useCutServers } from './support/http/cut-servers.js';

const { serve, cutting } = useCutServers();

const receive = (port: number, path = '/'): ReturnType<typeof receiveAll> =>
  receiveAll(port, requestBytes('GET', path));

describe('the cut proxy', () => {
  const body = 'x'.repeat(200_000);
  const big = (): Promise<Listening> => serve((_req, res) => res.writeHead(200, { Connection: 'close' }).end(body));

  it('passes everything on when its plan says nothing', async () => {
    const proxy = await cutting((await big()).port);
    const [response] = await rawRequest(proxy.port, requestBytes('GET', '/'));
    expect(response).toMatchObject({ status: 200, complete: true, body });
    expect(proxy).toMatchObject({ connections: 1, cuts: 0 });
  });

  it.each([0, 1, 9, 60, 1_000, 150_000])('ends a connection in order after exactly %i bytes', async (after) => {
    const proxy = await cutting((await big()).port, () => ({ after, kind: 'fin' }));
    const { bytes, reset } = await receive(proxy.port);
    expect(bytes.length).toBe(after);
    expect(reset).toBe(false);
    expect(proxy.delivered(1)).toBe(after);
    expect(proxy.cuts).toBe(1);
  });

  it.each([0, 1, 9, 60, 1_000, 150_000])('resets a connection after at most %i bytes', async (after) => {
    const proxy = await cutting((await big()).port, () => ({ after, kind: 'rst' }));
    const { bytes, reset } = await receive(proxy.port);
    expect(bytes.length).toBeLessThanOrEqual(after);
    expect(reset).toBe(true);
    expect(proxy.delivered(1)).toBe(after);
  });

  it('follows its plan by the number of the connection', async () => {
    const proxy = await cutting((await big()).port, (connection) =>
      connection === 2 ? { after: 7, kind: 'fin' } : {},
    );
    const lengths: number[] = [];
    for (let n = 0; n < 3; n++) lengths.push((await receive(proxy.port)).bytes.length);
    expect(lengths).toEqual([expect.any(Number), 7, lengths[0]]);
  });

  it('splits a response into pieces of one byte', async () => {
    const server = await serve((_req, res) => res.setHeader('Connection', 'close').end('äöü'));
    const proxy = await cutting(server.port, () => ({ chunkBytes: 1 }));
    const { bytes, reads } = await receive(proxy.port);
    expect(bytes.toString()).toMatch(/\r\n\r\näöü$/);
    expect(reads).toBe(bytes.length);
  });

  it('lets as many bytes pass as were granted', async () => {
    const proxy = await cutting((await big()).port, () => ({ metered: true }));
    const received = receive(proxy.port);
    await proxy.grant(1_000);
    await proxy.grant(24);
    expect(proxy.delivered(1)).toBe(1_024);
    proxy.cutAll('fin');
    expect((await received).bytes.length).toBe(1_024);
  });

  it('passes nothing while it is paused', async () => {
    const proxy = await cutting((await big()).port);
    proxy.pause();
    const received = receive(proxy.port);
    // A request of its own to the server proves that time has passed for the paused one as well.
    await rawRequest((await big()).port, requestBytes('GET', '/'));
    expect(proxy.delivered(1)).toBe(0);
    proxy.resume();
    expect((await received).bytes.length).toBeGreaterThan(body.length);
  });

  it('reads on from the server, for nobody, once a connection is blackholed and its client has left', async () => {
    let finished: () => void;
    const all = new Promise<void>((resolve) => (finished = resolve));
    const server = await serve((_req, res) => {
      res.on('finish', () => finished());
      res.end('y'.repeat(20_000_000));
    });
    const proxy = await cutting(server.port, () => ({ after: 100, kind: 'blackhole' }));
    const client = net.connect(proxy.port, '127.0.0.1', () => client.write(requestBytes('GET', '/')));
    await proxy.untilCut();
    client.destroy();
    await all;
    expect(proxy.delivered(1)).toBe(100);
  });

  it('reads nothing more from the server once a connection is stalled', async () => {
    const finished: (string | undefined)[] = [];
    let first: () => void;
    const any = new Promise<void>((resolve) => (first = resolve));
    const server = await serve((req, res) => {
      res.on('finish', () => {
        finished.push(req.url);
        first();
      });
      res.writeHead(200, { Connection: 'close' }).end('z'.repeat(BEYOND_SOCKETS));
    });
    const proxy = await cutting(server.port, (connection) => (connection === 1 ? { after: 100, kind: 'stall' } : {}));
    const received = receive(proxy.port, '/stalled');
    await proxy.untilCut();
    // As many bytes on a second connection prove that the first has had its time.
    expect((await receive(proxy.port, '/other')).bytes.length).toBeGreaterThan(BEYOND_SOCKETS);
    await any; // the client may have all of it before the server knows
    expect(finished).toEqual(['/other']);
    await proxy.close();
    expect((await received).bytes.length).toBe(100);
  });

  it('cuts the same bytes for the same seed, whatever the order of the connections', () => {
    const options = { maxBytes: 5_000, chunkSizes: [undefined, 1, 100] };
    const one = randomCuts(createRandom(7), options);
    const two = randomCuts(createRandom(7), options);
    const forwards = [1, 2, 3, 4].map((n) => one(n));
    const backwards = [4, 3, 2, 1].map((n) => two(n)).reverse();
    expect(backwards).toEqual(forwards);
    expect(randomCuts(createRandom(8), options)(1)).not.toEqual(forwards[0]);
  });
});
