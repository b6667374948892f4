import { openStream, rawRequest, requestBytes, type Listening } from './support/http/raw-http.js';
import { useCutServers } from './support/http/cut-servers.js';

const { serve } = useCutServers();

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

  it('recognises an interim answer', async () => {
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
