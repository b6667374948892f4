import { rawRequest, requestBytes, type RawResponse } from '../support/http/raw-http.js';
import { get, streamRoutes } from '../support/http/refusal.js';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();
const ALLOWED = 'https://app.example';
const OTHER = 'https://evil.example';

async function send(server: TaskServer, bytes: string, method = 'GET'): Promise<RawResponse> {
  const [response] = await rawRequest(server.port, bytes, [method]);
  if (response === undefined) throw new Error('no answer');
  return response;
}

const corsHeaders = ({ headers }: RawResponse): string[] =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

const list = (text: string | undefined): string[] => text?.split(', ') ?? [];

describe('a page of an origin on the list', () => {
  it('may read a stream, its task id and its key', async () => {
    const server = await start({ allowedOrigins: ['https://first.example', ALLOWED] });
    const { headers } = await server.open('/report', { headers: { Origin: ALLOWED } });
    expect(headers['access-control-allow-origin']).toBe(ALLOWED);
    expect(headers['access-control-allow-credentials']).toBe('true');
    expect(list(headers['access-control-expose-headers'])).toEqual(
      expect.arrayContaining(['X-Task-ID', 'X-Resume-Key', 'Location', 'Retry-After']),
    );
    expect(headers.vary).toBe('Origin');
  });

  it('may read a refusal, the status of its task, and a 204', async () => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const { context, finish } = await server.begin();
    finish();
    await (await server.open(`/report?resume_key=${context.resumeKey}`)).rest();
    const answers: [path: string, status: number][] = [
      ['/report?resume_key=x', 400],
      [`/report?resume_key=${context.resumeKey}&last_event_id=1`, 204],
      [`/tasks/${context.taskId}`, 200],
      [`/tasks/${context.taskId}/result`, 200],
      ['/tasks/unknown', 404],
      ['/tasks', 404],
    ];
    for (const [path, status] of answers) {
      const response = await send(server, get(path, { Origin: ALLOWED }));
      expect(response.status).toBe(status);
      expect(response.headers['access-control-allow-origin']).toBe(ALLOWED);
      expect(response.headers.vary).toBe('Origin');
    }
  });

  it('may read the Location of a start that was only accepted', async () => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const { status, headers } = await server.open('/report', { headers: { Origin: ALLOWED, Prefer: 'respond-async' } });
    expect(status).toBe(202);
    expect(list(headers['access-control-expose-headers'])).toContain('Location');
  });
});

describe('a page of any other origin', () => {
  it('may read nothing, and Vary tells caches that the answer depends on the origin', async () => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const { context } = await server.begin();
    for (const [, path] of streamRoutes(context.taskId).filter(([, route]) => route !== '/execute')) {
      const { headers } = await server.open(`${path}?resume_key=${context.resumeKey}`, { headers: { Origin: OTHER } });
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers.vary).toBe('Origin');
    }
  });

  it('may read nothing where there is no list, and there is no Vary', async () => {
    const server = await start();
    const { context } = await server.begin();
    const { headers } = await server.open(`/report?resume_key=${context.resumeKey}`, { headers: { Origin: OTHER } });
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers).not.toHaveProperty('vary');
  });
});

describe('Vary', () => {
  it('is added to the value that the application has set', async () => {
    const server = await start({
      allowedOrigins: [ALLOWED],
      use: (app) =>
        app.use((_req, res, next) => {
          res.setHeader('Vary', 'Accept-Encoding');
          next();
        }),
    });
    const { headers } = await send(server, get('/report?resume_key=x'));
    expect(list(headers.vary).sort()).toEqual(['Accept-Encoding', 'Origin']);
  });
});

describe('OPTIONS', () => {
  it('lets an allowed origin send any headers that it asks for, and ignores malformed names', async () => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const asked = {
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'x-csrf-token, b ad,x-b',
    };
    const { headers } = await send(
      server,
      requestBytes('OPTIONS', '/report', { Origin: ALLOWED, ...asked }),
      'OPTIONS',
    );
    const allowed = list(headers['access-control-allow-headers']);
    expect(allowed).toEqual(expect.arrayContaining(['x-csrf-token', 'x-b', 'Last-Event-ID']));
    expect(allowed).not.toContain('b ad');
    expect(headers['access-control-max-age']).toBe('600');
  });

  const PREFLIGHT = {
    'Access-Control-Request-Method': 'GET',
    'Access-Control-Request-Headers': 'last-event-id,idempotency-key',
  };
  const ROUTES: [path: string, methods: string[]][] = [
    ['/report', ['GET', 'POST', 'OPTIONS']],
    ['/tasks', ['GET', 'HEAD', 'OPTIONS']],
    ['/tasks/$ID', ['GET', 'HEAD', 'DELETE', 'OPTIONS']],
    ['/tasks/$ID/result', ['GET', 'HEAD', 'OPTIONS']],
    ['/tasks/$ID/events', ['GET', 'OPTIONS']],
  ];

  it.each(ROUTES)('answers a preflight on %s from the list, and starts nothing', async (path, methods) => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const { context } = await server.begin();
    const before = await server.state();
    const bytes = requestBytes('OPTIONS', path.replace('$ID', context.taskId), { ...PREFLIGHT, Origin: ALLOWED });
    const { status, headers, body } = await send(server, bytes, 'OPTIONS');
    expect({ status, body }).toEqual({ status: 204, body: '' });
    expect(headers['access-control-allow-origin']).toBe(ALLOWED);
    expect(headers['access-control-allow-credentials']).toBe('true');
    expect(list(headers['access-control-allow-methods'])).toEqual(methods);
    expect(list(headers['access-control-allow-headers'])).toEqual(
      expect.arrayContaining(['Last-Event-ID', 'Idempotency-Key', 'Authorization', 'Content-Type', 'Prefer']),
    );
    expect(list(headers.allow)).toEqual(methods);
    expect(headers.vary).toBe('Origin');
    expect(await server.state()).toEqual(before);
  });

  it.each(ROUTES)('names the methods alone on %s without an allowed origin', async (path, methods) => {
    const server = await start({ allowedOrigins: [ALLOWED] });
    const { context } = await server.begin();
    const before = await server.state();
    const url = path.replace('$ID', context.taskId);
    for (const headers of [{}, { Origin: OTHER }, { Origin: OTHER, ...PREFLIGHT }]) {
      const response = await send(server, requestBytes('OPTIONS', url, headers), 'OPTIONS');
      expect(response.status).toBe(204);
      expect(list(response.headers.allow)).toEqual(methods);
      expect(corsHeaders(response)).toEqual([]);
    }
    expect(await server.state()).toEqual(before);
  });
});
