/** Requests to a hub whose body or whose middlewares are not what they should be. */
import { once } from 'node:events';
import net from 'node:net';
import express, { type RequestHandler } from 'express';
import { createHub } from '../../lib/index.js';
import { collectGarbage } from '../support/processes/garbage.js';
import { listen, openStream } from '../support/http/raw-http.js';
import { ProcessGuard } from '../support/processes/process-guard.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const NOTHING = undefined as unknown as Error;
const pass: RequestHandler = (_req, _res, next) => {
  next();
};

async function serve(
  auth: RequestHandler = pass,
  before: RequestHandler = pass,
): Promise<Awaited<ReturnType<typeof listen>>> {
  const hub = createHub();
  const app = express();
  app.use(before);
  app.use('/hub', hub.router({ auth, admin: auth }));
  app.use((_req, res) => res.end('The page'));
  app.use(((_error, _req, res, _next) => res.status(500).end()) as express.ErrorRequestHandler);
  const server = await listen(app);
  closing.push(
    () => hub.stop(),
    () => server.close(),
  );
  return server;
}

describe('a body that is too large', () => {
  it('is not kept while it is read to its end', async () => {
    const server = await serve();
    const piece = Buffer.alloc(1_048_576, 32);
    const pieces = 128;
    const socket = net.connect(server.port);
    const before = process.memoryUsage().arrayBuffers;
    socket.write(
      `POST /hub/broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${piece.length * pieces}\r\n\r\n`,
    );
    const answered = once(socket, 'data');
    // All but the last piece, so that the body is not over when it is looked at what is kept of it.
    for (let sent = 1; sent < pieces; sent++) if (!socket.write(piece)) await once(socket, 'drain');
    await collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * piece.length);
    socket.write(piece);
    const answer = await answered;
    expect(String(answer[0])).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });
});

describe('a body that something else has read, and not parsed', () => {
  it('is refused, and not waited for', async () => {
    const server = await serve(pass, (req, _res, next) => {
      req.resume().once('end', next);
    });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${server.url}/hub/broadcast`, { method: 'POST', headers, body: '{"data":1}' });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'INVALID_JSON']);
  });
});

describe('an encoding that is no more than the name of a member of every object', () => {
  it.each(['constructor', '__proto__'])('is refused, and ends no process: %s', async (encoding) => {
    const guard = new ProcessGuard();
    const server = await serve();
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    const response = await fetch(`${server.url}/hub/broadcast`, { method: 'POST', headers, body: '{"data":1}' });
    expect([response.status, await response.json()]).toMatchObject([415, { code: 'UNSUPPORTED_MEDIA_TYPE' }]);
    expect(guard.take()).toEqual([]);
    guard.close();
  });
});

describe('a guard that says nothing when it refuses', () => {
  it.each<[what: string, auth: RequestHandler]>([
    [
      'throws undefined',
      () => {
        throw NOTHING;
      },
    ],
    ['rejects with undefined', () => Promise.reject(NOTHING)],
    [
      'hands on false',
      (_req, _res, next) => {
        next(false);
      },
    ],
    [
      'hands on an empty text',
      (_req, _res, next) => {
        next('');
      },
    ],
  ])('lets no request pass to the next handler: it %s', async (_what, auth) => {
    const server = await serve(auth);
    expect((await openStream(`${server.url}/hub/connect`)).status).toBe(500);
  });
});

describe('hub.connect', () => {
  it('changes nothing where the head of its response cannot be sent', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const hub = createHub({ retryMs: 0 });
    const server = await listen((req, res) => {
      if (req.url === '/fails') {
        res.writeHead = () => {
          throw new Error('A middleware that fails');
        };
      }
      hub.connect(req, res, { clientId: 'ann', userId: 'ann', rooms: [req.url ?? ''] });
    });
    closing.push(
      () => hub.stop(),
      () => server.close(),
      () => warn.mockRestore(),
    );
    const stream = await openStream(`${server.url}/works`);
    expect((await stream.next())?.event).toBe('connected');
    const before = JSON.stringify([hub.getStatistics(), hub.getClientInfo('ann').rooms]);
    await expect(openStream(`${server.url}/fails`)).rejects.toThrow('socket hang up');
    expect(JSON.stringify([hub.getStatistics(), hub.getClientInfo('ann').rooms])).toBe(before);
    hub.broadcast({ data: 'still here' });
    expect((await stream.next())?.data).toBe('"still here"');
    stream.destroy();
  });

  it('lets nobody into a room that is a hole in the list', async () => {
    const hub = createHub();
    const server = await listen((req, res) => hub.connect(req, res, { rooms: new Array<string>(1) }));
    closing.push(
      () => hub.stop(),
      () => server.close(),
    );
    const answer = await fetch(server.url);
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'INVALID_INPUT' }]);
  });

  it('changes nothing where the address of a client cannot be told', async () => {
    const hub = createHub({ maxClientsPerUser: 1 });
    const app = express();
    let trusts: () => boolean = () => {
      throw new Error('The list of proxies is away');
    };
    app.set('trust proxy', () => trusts());
    app.get('/news', (req, res) => {
      hub.connect(req, res, { userId: 'ann', clientId: 'ann', rooms: ['red'] });
    });
    app.use(((_error, _req, res, _next) => res.status(500).end()) as express.ErrorRequestHandler);
    const server = await listen(app);
    closing.push(
      () => hub.stop(),
      () => server.close(),
    );
    const headers = { 'X-Forwarded-For': '192.0.2.1' };
    expect((await openStream(`${server.url}/news`, { headers })).status).toBe(500);
    expect(hub.getStatistics()).toMatchObject({ activeConnections: 0, totalConnections: 0 });
    trusts = () => true;
    const stream = await openStream(`${server.url}/news`, { headers });
    expect(stream.status).toBe(200);
    expect(hub.getClientInfo('ann')).toMatchObject({ ip: '192.0.2.1', rooms: ['red'] });
    stream.destroy();
  });
});
