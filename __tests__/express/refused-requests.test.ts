import express from 'express';
import { ManualClock } from '../support/clock/manual-clock.js';
import { rawRequest, requestBytes } from '../support/http/raw-http.js';
import { BROWSER, OWN_GETS, STRAY_GETS } from '../support/http/stray-gets.js';
import { expectRefused, get, streamRoutes } from '../support/http/refusal.js';
import { startTaskServer, useTaskServers } from '../support/servers/task-server.js';

const ALLOWED = 'https://app.example';
const STARTS: [name: string, path: string][] = [
  ['handler()', '/report'],
  ['executeWithSSE()', '/execute'],
];

let server: Awaited<ReturnType<typeof startTaskServer>>;
let taskId: string;
let key: string;

beforeAll(async () => {
  server = await startTaskServer({ clock: new ManualClock(), allowedOrigins: [ALLOWED] });
  ({ taskId, resumeKey: key } = (await server.begin()).context);
});

afterAll(() => server.close());

describe.each([...streamRoutes('$TASK')])('a method that streams nothing, on %s', (_name, path) => {
  const url = (): string => `${path.replace('$TASK', taskId)}?resume_key=${key}`;

  it('is refused with 405 and Allow as HEAD, on a stream', async () => {
    const refusal = { method: 'HEAD', status: 405, code: 'METHOD_NOT_ALLOWED', secrets: [key] };
    const { headers } = await expectRefused(server, { bytes: requestBytes('HEAD', url()), ...refusal });
    expect(headers.allow).toMatch(/^GET, (POST, )?OPTIONS$/);
  });

  it.each(['PUT', 'DELETE', 'TRACE', 'PATCH'])('is refused with 405 and Allow: %s', async (method) => {
    const refusal = { method, status: 405, code: 'METHOD_NOT_ALLOWED', secrets: [key] };
    const { headers } = await expectRefused(server, { bytes: requestBytes(method, url()), ...refusal });
    expect(headers.allow).toMatch(/^GET, (POST, )?OPTIONS$/);
  });
});

describe.each(STARTS)('a start on %s', (_name, path) => {
  it('HEAD starts nothing', async () => {
    const bytes = requestBytes('HEAD', path);
    const { headers } = await expectRefused(server, { bytes, method: 'HEAD', status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(headers.allow).toBe('GET, POST, OPTIONS');
  });

  it.each(['PUT', 'DELETE', 'TRACE', 'PATCH'])('%s starts nothing', async (method) => {
    const bytes = requestBytes(method, path);
    await expectRefused(server, { bytes, method, status: 405, code: 'METHOD_NOT_ALLOWED' });
  });

  const FOREIGN: [what: string, headers: Record<string, string>][] = [
    ['cross-site without an Origin', { 'Sec-Fetch-Site': 'cross-site' }],
    ['cross-site with a cookie', { 'Sec-Fetch-Site': 'cross-site', Cookie: 'session=1' }],
    ['cross-site from another origin', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }],
    ['another origin, without fetch metadata', { Origin: 'https://evil.example' }],
    ['an origin that only begins like an allowed one', { Origin: `${ALLOWED}.evil.example` }],
    ['an allowed host over another scheme', { Origin: 'http://app.example' }],
    ['the null origin', { Origin: 'null' }],
    ['a file', { Origin: 'file://' }],
    ['an origin that is no URL', { Origin: 'evil' }],
  ];

  it.each(FOREIGN)('%s starts nothing', async (_what, headers) => {
    for (const method of ['GET', 'POST']) {
      const bytes = requestBytes(method, path, { ...headers, 'Content-Length': '0' });
      const { headers: answered } = await expectRefused(server, { bytes, status: 403, code: 'ORIGIN_NOT_ALLOWED' });
      expect(answered).not.toHaveProperty('access-control-allow-origin');
    }
  });

  it.each([
    ['Sec-Purpose', 'prefetch'],
    ['Sec-Purpose', 'prefetch;prerender'],
    ['Sec-Purpose', 'prefetch;anonymous-client-ip'],
    ['Purpose', 'prefetch'],
    ['X-Moz', 'prefetch'],
  ])('"%s: %s" starts nothing', async (name, value) => {
    await expectRefused(server, { bytes: get(path, { [name]: value }), status: 403, code: 'PREFETCH_REFUSED' });
  });

  it('starts nothing for a prefetch, even from an allowed origin', async () => {
    const bytes = get(path, { Origin: ALLOWED, 'Sec-Purpose': 'prefetch' });
    await expectRefused(server, { bytes, status: 403, code: 'PREFETCH_REFUSED' });
  });
});

describe('a GET that no page of one’s own would send for a stream', () => {
  it.each(STRAY_GETS)('starts nothing: %s', async (_what, headers) => {
    for (const [, path] of STARTS) {
      await expectRefused(server, { bytes: get(path, headers), status: 403, code: 'ORIGIN_NOT_ALLOWED' });
    }
  });

  const start = useTaskServers();

  it.each(OWN_GETS)('is none: %s', async (_what, headers) => {
    const own = await start();
    const stream = await own.open('/report', { headers: { Host: '127.0.0.1', ...headers } });
    expect(stream.status).toBe(200);
    stream.destroy();
  });

  it('may start a task where the application says that something else keeps strangers out', async () => {
    const own = await start({ allowCrossSite: true });
    const stream = await own.open('/report', { headers: { ...BROWSER, 'Sec-Fetch-Site': 'cross-site' } });
    expect(stream.status).toBe(200);
    stream.destroy();
  });
});

describe('requests that look like those of another site', () => {
  const start = useTaskServers();

  it.each([
    ['the page’s own origin', (port: number) => ({ Origin: `http://127.0.0.1:${port}` })],
    ['an allowed origin across sites', () => ({ Origin: ALLOWED, 'Sec-Fetch-Site': 'cross-site' })],
    ['another origin of the same site', () => ({ Origin: 'http://x.localhost', 'Sec-Fetch-Site': 'same-site' })],
    ['a typed address', () => ({ 'Sec-Fetch-Site': 'none' })],
  ])('start a task: %s', async (_what, headersFor) => {
    const own = await start({ allowedOrigins: [ALLOWED] });
    const { status } = await own.open('/report', { headers: headersFor(own.port) });
    expect(status).toBe(200);
    expect(own.tasks.getStatistics().started).toBe(1);
  });

  it('let a page of another site attach with a key, since that changes nothing and CORS hides it', async () => {
    const own = await start();
    const { context } = await own.begin();
    const headers = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
    const stream = await own.open(`/report?resume_key=${context.resumeKey}`, { headers });
    expect(stream.status).toBe(200);
    expect(stream.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('a client that cannot read a stream', () => {
  const ROUTES: [name: string, path: string][] = [
    ['handler()', '/report'],
    ['the router', '/tasks/$TASK/events'],
  ];
  const UNREADABLE = ['application/json', 'text/html, application/json', 'text/event-streams', 'image/*'];

  it.each(ROUTES)('gets 406 on %s', async (_name, path) => {
    for (const Accept of UNREADABLE) {
      const bytes = get(path.replace('$TASK', taskId), { Accept });
      await expectRefused(server, { bytes, status: 406, code: 'NOT_ACCEPTABLE' });
    }
  });

  it('gets 406 where it excludes the stream by its weight', async () => {
    const bytes = get('/report', { Accept: 'application/json, text/event-stream;q=0' });
    await expectRefused(server, { bytes, status: 406, code: 'NOT_ACCEPTABLE' });
  });

  it.each(['*/*', 'text/*', 'text/event-stream', 'application/json, TEXT/EVENT-STREAM;q=0.5', ''])(
    'does not include one that accepts %j',
    async (Accept) => {
      const stream = await server.open(`/report?resume_key=${key}`, { headers: { Accept } });
      expect(stream.status).toBe(200);
      stream.destroy();
    },
  );
});

describe('the body of a request', () => {
  const start = useTaskServers();
  const post = (body: string): string =>
    requestBytes('POST', '/report', {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
    }) + body;
  const use = (app: express.Express): void => {
    app.use(express.json({ limit: 1_000 }));
  };

  it('never reaches the handler where the parser of the application refuses it', async () => {
    const own = await start({ use });
    const before = await own.state();
    await rawRequest(own.port, post('{"a":'));
    await rawRequest(own.port, post(JSON.stringify('a'.repeat(2_000))));
    expect(await own.state()).toEqual(before);
  });

  it('may hold __proto__, which stays a member of the input and changes nothing else', async () => {
    const own = await start({ use });
    const body = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}';
    const headers = { 'Content-Type': 'application/json' };
    const stream = await own.open('/report', { method: 'POST', body, headers });
    const { context } = await own.job.run();
    expect(stream.status).toBe(200);
    expect(JSON.stringify((context.input as { body: unknown }).body)).toBe(body);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    expect(context).not.toHaveProperty('isAdmin');
  });
});
