import { once } from 'node:events';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import express from 'express';
import { createHub } from '../../lib/index.js';
import { useHubServers, type HubServer } from '../support/servers/hub-server.js';
import { rawRequest, requestBytes } from '../support/http/raw-http.js';

const startHub = useHubServers();
const JSON_TYPE = { 'content-type': 'application/json' };
const ADMIN = { 'x-user': 'root', 'x-admin': 'yes' };

const post = (
  { url }: HubServer,
  path: string,
  body: unknown,
  headers: Record<string, string> = { ...ADMIN, ...JSON_TYPE },
): Promise<Response> =>
  fetch(`${url}/hub${path}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

const connect = (server: HubServer, user: string): ReturnType<HubServer['open']> =>
  server.open('/hub/connect', { headers: { 'x-user': user } });

const answerOf = async (response: Response): Promise<unknown[]> => [response.status, await response.json()];
const problemOf = async (response: Response): Promise<unknown[]> => {
  const { code } = (await response.json()) as { code: string };
  return [response.status, code, response.headers.get('content-type')];
};
const problem = (status: number, code: string): unknown[] => [status, code, 'application/problem+json'];

describe('the routes of a hub', () => {
  it('connect, send, broadcast, count and disconnect, with the documented answers', async () => {
    const server = await startHub();
    const ann = await connect(server, 'ann');
    expect(ann.status).toBe(200);
    expect(ann.headers['content-type']).toBe('text/event-stream');
    expect(ann.connected.event).toBe('connected');
    expect(JSON.parse(ann.connected.data!)).toEqual({ client_id: ann.clientId, timestamp: expect.any(Number) });

    expect(await answerOf(await post(server, '/broadcast', { event: 'news', data: { a: 1 } }))).toEqual([
      200,
      { message: 'broadcast sent' },
    ]);
    const own = { ...JSON_TYPE, 'x-user': 'ann' };
    expect(await answerOf(await post(server, `/send/${ann.clientId}`, { data: 'hi', id: 'm-1' }, own))).toEqual([
      200,
      { message: 'message sent' },
    ]);
    expect((await ann.take(2)).map(({ event, data, id }) => [event, data, id])).toEqual([
      ['news', '{"a":1}', expect.stringMatching(/^[\w-]{22}\.1$/)],
      [undefined, '"hi"', 'm-1'],
    ]);
    const stats = await fetch(`${server.url}/hub/stats`, { headers: ADMIN });
    const { totalBytes } = server.hub.getStatistics();
    expect(await answerOf(stats)).toEqual([
      200,
      { statistics: { active_connections: 1, total_connections: 1, total_messages: 2, total_bytes: totalBytes } },
    ]);
    expect(await answerOf(await post(server, `/disconnect/${ann.clientId}`, '', { 'x-user': 'ann' }))).toEqual([
      200,
      { message: 'disconnected' },
    ]);
    expect((await ann.rest()).map(({ retry }) => typeof retry)).toEqual(['number']);
    expect(await problemOf(await post(server, `/send/${ann.clientId}`, { data: 1 }, own))).toEqual(
      problem(404, 'CLIENT_NOT_FOUND'),
    );
  });

  it('ask `auth` or `admin`, and `admin` for the clients of other users', async () => {
    const server = await startHub();
    const ann = await connect(server, 'ann');
    const status = async (path: string, headers: Record<string, string>, method = 'POST'): Promise<number> => {
      const body = method === 'GET' ? null : '{"data":1}';
      const response = await fetch(`${server.url}/hub${path}`, { method, headers: { ...JSON_TYPE, ...headers }, body });
      return response.status;
    };
    const bob = { 'x-user': 'bob' };
    expect(await status('/connect', {}, 'GET')).toBe(401);
    expect(await status(`/send/${ann.clientId}`, {})).toBe(401);
    expect(await status(`/disconnect/${ann.clientId}`, {})).toBe(401);
    expect(await status('/broadcast', bob)).toBe(403);
    expect(await status('/stats', bob, 'GET')).toBe(403);
    expect(await status(`/send/${ann.clientId}`, bob)).toBe(403);
    expect(await status(`/disconnect/${ann.clientId}`, bob)).toBe(403);
    expect(server.hub.getActiveClientCount()).toBe(1);
    expect(server.hub.getClientInfo(ann.clientId).messageCount).toBe(0);
    expect(await status(`/send/${ann.clientId}`, { ...bob, 'x-admin': 'yes' })).toBe(200);
    expect(await status(`/disconnect/${ann.clientId}`, { ...bob, 'x-admin': 'yes' })).toBe(200);
    expect(server.hub.getActiveClientCount()).toBe(0);
  });

  it('ask `admin` for a client that nobody owns', async () => {
    const server = await startHub();
    const { clientId } = await server.open();
    expect((await post(server, `/disconnect/${clientId}`, '', { 'x-user': 'ann' })).status).toBe(403);
  });

  it.each<[string, string | object, Record<string, string>, number, string]>([
    ['JSON that is none', '{"data":', JSON_TYPE, 400, 'INVALID_JSON'],
    ['a bare word', '"data"', JSON_TYPE, 400, 'INVALID_JSON'],
    ['an array', [{ data: 1 }], JSON_TYPE, 400, 'INVALID_INPUT'],
    ['nothing to send', { event: 'a' }, JSON_TYPE, 400, 'INVALID_INPUT'],
    ['data from the prototype alone', '{"__proto__":{"data":1}}', JSON_TYPE, 400, 'INVALID_INPUT'],
    ['too much', { data: 'x'.repeat(10_000) }, JSON_TYPE, 413, 'PAYLOAD_TOO_LARGE'],
    ['an event over its limit in a body within', { data: 'x'.repeat(3_000) }, JSON_TYPE, 413, 'EVENT_TOO_LARGE'],
    ['a form', 'data=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['text', '{"data":1}', { 'content-type': 'text/plain' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['an unknown encoding', '{"data":1}', { ...JSON_TYPE, 'content-encoding': 'x' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a line break in the event name', { event: 'a\nid: 9', data: 1 }, JSON_TYPE, 400, 'INVALID_EVENT_NAME'],
    ['a NUL in the event name', { event: 'a\0', data: 1 }, JSON_TYPE, 400, 'INVALID_EVENT_NAME'],
    ['an event name that is no text', { event: 7, data: 1 }, JSON_TYPE, 400, 'INVALID_EVENT_NAME'],
    ['the name of an event of the hub', { event: 'connected', data: 1 }, JSON_TYPE, 400, 'RESERVED_EVENT_NAME'],
    ['a line break in the id', { id: 'a\rb', data: 1 }, JSON_TYPE, 400, 'INVALID_EVENT_ID'],
    ['an id that would be a position', { id: `${'A'.repeat(22)}.7`, data: 1 }, JSON_TYPE, 400, 'INVALID_EVENT_ID'],
  ])('refuse %s, and send nothing', async (_what, body, headers, status, code) => {
    const server = await startHub({ maxEventBytes: 2_000 });
    const client = await connect(server, 'ann');
    for (const path of ['/broadcast', `/send/${client.clientId}`]) {
      expect(await problemOf(await post(server, path, body, { ...ADMIN, ...headers }))).toEqual(problem(status, code));
    }
    server.hub.broadcast({ data: 'next' });
    expect(await client.take(1)).toMatchObject([{ data: '"next"', id: expect.stringMatching(/\.1$/) }]);
  });

  it('refuse a gzip bomb before it is unpacked whole', async () => {
    const server = await startHub({ maxEventBytes: 2_000 });
    const response = await fetch(`${server.url}/hub/broadcast`, {
      method: 'POST',
      headers: { ...ADMIN, ...JSON_TYPE, 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify({ data: 'x'.repeat(5_000_000) })),
    });
    expect(await problemOf(response)).toEqual(problem(413, 'PAYLOAD_TOO_LARGE'));
  });

  it('refuse a body that cannot be unpacked, and take one that can', async () => {
    const server = await startHub();
    const client = await connect(server, 'ann');
    const send = (body: Buffer): Promise<Response> =>
      fetch(`${server.url}/hub/broadcast`, {
        method: 'POST',
        headers: { ...ADMIN, ...JSON_TYPE, 'content-encoding': 'gzip' },
        body: new Uint8Array(body),
      });
    expect(await problemOf(await send(Buffer.from('no gzip at all')))).toEqual(problem(400, 'INVALID_JSON'));
    const packed = gzipSync('{"data":1}');
    expect(await problemOf(await send(packed.subarray(0, -4)))).toEqual(problem(400, 'INVALID_JSON'));
    expect((await send(packed)).status).toBe(200);
    expect((await client.take(1))[0]!.data).toBe('1');
  });

  it('refuse who may not send before any of the body has arrived', async () => {
    const server = await startHub();
    const ann = await connect(server, 'ann');
    const head = { ...JSON_TYPE, 'x-user': 'bob', 'Content-Length': '10' };
    const [response] = await rawRequest(server.port, requestBytes('POST', `/hub/send/${ann.clientId}`, head), ['POST']);
    expect([response?.status, response?.body]).toEqual([403, '{"error":"admins only"}']);
  });

  it('check whose the client is again when the message has arrived', async () => {
    const server = await startHub({
      connect: (query) => ({ clientId: 'shared', userId: query.get('user') ?? undefined }),
    });
    await server.open('/connect?user=ann');
    const body = '{"data":"forged"}';
    const head = { 'x-user': 'ann', 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(requestBytes('POST', '/hub/send/shared', head));
    const bob = await server.open('/connect?user=bob'); // the application gives the name to somebody else
    socket.write(body);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 403 /);
    server.hub.broadcast({ data: 'next' });
    expect((await bob.take(1))[0]!.data).toBe('"next"');
    socket.destroy();
  });

  it('send what holds __proto__ as it is, and are not touched by it', async () => {
    const server = await startHub();
    const client = await connect(server, 'ann');
    const body = '{"__proto__":{"isAdmin":true},"data":{"__proto__":{"isAdmin":true}}}';
    expect((await post(server, '/broadcast', body)).status).toBe(200);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect((await client.take(1))[0]!.data).toBe('{"__proto__":{"isAdmin":true}}');
  });

  it('accept bodies that the application has parsed already', async () => {
    const server = await startHub({ use: (app) => app.use(express.json()) });
    const client = await connect(server, 'ann');
    expect((await post(server, '/broadcast', { data: 1 })).status).toBe(200);
    expect((await client.take(1))[0]!.data).toBe('1');
  });

  it.each([
    ['HEAD', '/connect', 'GET, OPTIONS'],
    ['POST', '/connect', 'GET, OPTIONS'],
    ['GET', '/broadcast', 'POST, OPTIONS'],
    ['HEAD', '/stats', 'GET, OPTIONS'],
    ['DELETE', '/send/a', 'POST, OPTIONS'],
  ])('refuse %s %s', async (method, path, allow) => {
    const server = await startHub();
    const response = await fetch(`${server.url}/hub${path}`, { method, headers: ADMIN });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect(server.hub.getStatistics().totalConnections).toBe(0);
  });

  it('refuse posts from pages of other sites, and streams to clients that cannot read them', async () => {
    const server = await startHub({ allowedOrigins: ['https://app.example'] });
    const from = (origin: string): Promise<Response> =>
      post(server, '/broadcast', { data: 1 }, { ...ADMIN, ...JSON_TYPE, origin, 'sec-fetch-site': 'cross-site' });
    expect(await problemOf(await from('https://evil.example'))).toEqual(problem(403, 'ORIGIN_NOT_ALLOWED'));
    const allowed = await from('https://app.example');
    expect(allowed.status).toBe(200);
    expect(allowed.headers.get('access-control-expose-headers')).toContain('X-Client-ID');
    const picky = await fetch(`${server.url}/hub/connect`, { headers: { ...ADMIN, accept: 'application/json' } });
    expect(await problemOf(picky)).toEqual(problem(406, 'NOT_ACCEPTABLE'));
  });

  it('refuse a pipelined stream', async () => {
    const server = await startHub();
    const stats = requestBytes('GET', '/hub/stats', { 'x-admin': '1' });
    const bytes = stats + requestBytes('GET', '/hub/connect', { 'x-user': 'a' });
    const responses = await rawRequest(server.port, bytes, ['GET', 'GET']);
    expect(responses.map(({ status }) => status)).toEqual([200, 409]);
    expect(server.hub.getStatistics().totalConnections).toBe(0);
  });

  it('need both middlewares', () => {
    const hub = createHub();
    const error = expect.objectContaining({ code: 'INVALID_OPTION' });
    expect(() => hub.router({ auth: () => undefined } as never)).toThrow(error);
    expect(() => hub.router({ admin: () => undefined } as never)).toThrow(error);
  });

  it('pass on the error that a middleware rejects with', async () => {
    const hub = createHub();
    const broken = hub.router({ auth: () => Promise.reject(new Error('down')), admin: () => undefined });
    const server = await startHub({ use: (app) => app.use('/broken', broken) });
    expect((await fetch(`${server.url}/broken/connect`)).status).toBe(500);
  });
});
