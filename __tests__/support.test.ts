import type { IncomingMessage, ServerResponse } from 'node:http';
import net from 'node:net';
import { randomCuts, startCutProxy, type CutProxy, type Plan } from './support/cut-proxy.js';
import { findFault, type ReceivedEvent } from './support/exactness.js';
import { createRandom } from './support/random.js';
import { listen, openStream, rawRequest, receiveAll, requestBytes, type Listening } from './support/raw-http.js';
import { BEYOND_SOCKETS } from './support/socket-buffers.js';

/** What a test suite rests on must be able to fail. Here the proxy, the raw requests and the checker; the clients have a file of their own. */

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

async function serve(handler: (req: IncomingMessage, res: ServerResponse) => void): Promise<Listening> {
  const server = await listen(handler);
  open.push(server);
  return server;
}

async function cutting(upstreamPort: number, plan?: Plan): Promise<CutProxy> {
  const proxy = await startCutProxy({ upstreamPort, ...(plan === undefined ? {} : { plan }) });
  open.push(proxy);
  return proxy;
}

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
      res.end('z'.repeat(BEYOND_SOCKETS));
    });
    const proxy = await cutting(server.port, (connection) => (connection === 1 ? { after: 100, kind: 'stall' } : {}));
    const received = receive(proxy.port, '/stalled');
    await proxy.untilCut();
    // As many bytes on a second connection prove that the first has had its time.
    await rawRequest(proxy.port, requestBytes('GET', '/other'));
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

describe('raw requests', () => {
  const echo = (): Promise<Listening> =>
    serve((req, res) => res.setHeader('X-Method', String(req.method)).end(`at ${req.url}`));

  it('reads the answers to pipelined requests, of which one to a HEAD has no body', async () => {
    const bytes = requestBytes('GET', '/1') + requestBytes('HEAD', '/2') + requestBytes('OPTIONS', '/3');
    const responses = await rawRequest((await echo()).port, bytes, ['GET', 'HEAD', 'OPTIONS']);
    expect(responses.map(({ body, headers }) => [headers['x-method'], body])).toEqual([
      ['GET', 'at /1'],
      ['HEAD', ''],
      ['OPTIONS', 'at /3'],
    ]);
  });

  it('reads an answer that ends with the connection, as HTTP/1.0 has it', async () => {
    const server = await serve((_req, res) => {
      res.write('one ');
      res.end('two');
    });
    const [response] = await rawRequest(server.port, requestBytes('GET', '/', {}, '1.0'));
    expect(response).toMatchObject({ status: 200, body: 'one two', complete: true });
    expect(response?.headers).not.toHaveProperty('transfer-encoding');
  });

  it('undoes chunks, and says when the last is missing', async () => {
    const server = await serve((req, res) => {
      res.write('one ');
      if (req.url === '/whole') res.end('two');
      else res.write('two', () => res.destroy());
    });
    const get = async (path: string): Promise<unknown> => (await rawRequest(server.port, requestBytes('GET', path)))[0];
    expect(await get('/whole')).toMatchObject({ body: 'one two', complete: true });
    expect(await get('/cut')).toMatchObject({ body: 'one two', complete: false });
  });

  it('takes an interim answer for what it is', async () => {
    const bytes = requestBytes('POST', '/', { Expect: '100-continue', 'Content-Length': '0' });
    const [response] = await rawRequest((await echo()).port, bytes, ['POST']);
    expect(response).toMatchObject({ status: 200, body: 'at /' });
  });
});

describe('an open stream', () => {
  it('gives frames field by field, one at a time or in a loop that may be left', async () => {
    const server = await serve((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.write('retry: 5\nevent: task\ndata: {}\nid: k.0\n\n: heartbeat\n\ndata: a\ndata:b\nid: k.1\n\n');
      res.end('data: unfinished');
    });
    const stream = await openStream(server.url);
    const empty = { event: undefined, data: undefined, id: undefined, retry: undefined, comment: undefined };
    expect(await stream.next()).toEqual({ ...empty, retry: 5, event: 'task', data: '{}', id: 'k.0' });
    for await (const frame of stream.frames) {
      expect(frame).toEqual({ ...empty, comment: 'heartbeat' });
      break;
    }
    expect(await stream.rest()).toEqual([{ ...empty, data: 'a\nb', id: 'k.1' }]);
    expect(stream.unfinished()).toBe('data: unfinished');
  });

  it('refuses a line that is no field', async () => {
    const server = await serve((_req, res) => res.end('date: 1\n\n'));
    await expect((await openStream(server.url)).next()).rejects.toThrow('not a line of an event stream: "date: 1"');
  });

  it('throws when the connection breaks, and ends when it is destroyed', async () => {
    const server = await serve((_req, res) => res.writeHead(200).flushHeaders());
    const broken = await openStream(server.url);
    const destroyed = await openStream(server.url);
    const end = destroyed.rest();
    destroyed.destroy();
    expect(await end).toEqual([]);
    const failure = expect(broken.next()).rejects.toThrow('aborted');
    await server.close();
    await failure;
  });
});

describe('the checker', () => {
  const event = (name: string, seq: number, data = ''): ReceivedEvent => ({
    event: name,
    data,
    id: `k.${seq}`,
  });
  const progress = (...numbers: number[]): ReceivedEvent[] => numbers.map((n) => event('message', n, `{"n":${n}}`));
  const complete = (seq: number): ReceivedEvent => event('complete', seq, '{}');

  it.each([
    ['progress and one terminal event', [...progress(1, 2, 3), complete(4)]],
    ['task frames in between', [event('task', 0), ...progress(1), event('task', 1), ...progress(2, 3), complete(4)]],
    ['any terminal event', [...progress(1, 2, 3), event('failed', 4)]],
  ])('accepts %s', (_what, events) => expect(findFault(events, 3)).toBeUndefined());

  it.each([
    ['1 is missing: after 0 came 2', [...progress(2, 3), complete(4)]],
    ['2 to 3 are missing: after 1 came 4', [...progress(1, 4), complete(5)]],
    ['2 came twice', [...progress(1, 2, 2, 3), complete(4)]],
    ['1 came again or late, after 2', [...progress(1, 2, 1, 3), complete(4)]],
    ['3 is missing: the terminal event came after 2', [...progress(1, 2), complete(4)]],
    ['4 is more than was sent, 3', [...progress(1, 2, 3, 4), complete(5)]],
    ['no terminal event; the last number was 3 of 3', progress(1, 2, 3)],
    ['after the terminal event complete came another', [...progress(1, 2, 3), complete(4), complete(5)]],
    ['after the terminal event complete came another', [...progress(1, 2, 3), complete(4), event('task', 4)]],
    ['a gap was reported: {"from":1}', [event('gap', 1, '{"from":1}'), ...progress(2, 3), complete(4)]],
    ['no number n or step in "x"', [event('message', 1, '"x"')]],
    [
      'its id does not move on from 2',
      [...progress(1, 2), { ...event('message', 2), data: '{"step":3}' }, complete(4)],
    ],
    ['an id that is no position', [{ event: 'message', data: '{"n":1}', id: '' }]],
  ])('says: %s', (fault, events) => expect(findFault(events, 3)).toContain(fault));
});
