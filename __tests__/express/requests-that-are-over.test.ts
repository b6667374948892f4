import { once } from 'node:events';
import http from 'node:http';
import express from 'express';
import { createHub, createTaskManager, TaskError } from '../../lib/index.js';
import { until } from '../support/clock/until.js';
import { listen, openStream } from '../support/http/raw-http.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('a request that somebody has answered to its end before it comes here', () => {
  const hub = createHub();
  const owner = jest.fn(() => 'ann');
  const tasks = createTaskManager({ owner });
  const job = jest.fn(async () => 1);
  const handed = jest.fn();
  const handler = tasks.handler(job);
  const WAYS: [name: string, take: (req: http.IncomingMessage, res: http.ServerResponse) => unknown][] = [
    ['handler', (req, res) => handler(req, res, handed)],
    [
      'executeWithSSE',
      (req, res) => tasks.executeWithSSE(req, null, null, job).then((stream) => stream.pipe(res), handed),
    ],
    ['hub.connect', (req, res) => hub.connect(req, res, { clientId: 'ann', userId: 'ann', rooms: ['red'] })],
  ];
  afterAll(() => Promise.all([tasks.stop(), hub.stop()]));

  it.each(WAYS)('changes nothing by %s, and its connection serves the next one', async (name, take) => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    let taken: (() => void) | undefined;
    const done = new Promise<void>((resolve) => (taken = resolve));
    const server = await listen((req, res) => {
      // When it is finished, Node has let go of the response, and nothing but the response itself says so.
      res.end('answered', () => {
        setImmediate(() => {
          if (req.url === '/late') take(req, res);
          taken?.();
        });
      });
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    closing.push(
      () => agent.destroy(),
      () => server.close(),
      () => warn.mockRestore(),
    );
    const get = async (path: string): Promise<unknown> => {
      const [response] = (await once(http.get(`${server.url}${path}`, { agent }), 'response')) as [
        http.IncomingMessage,
      ];
      const { socket } = response;
      await once(response.resume(), 'end');
      return socket;
    };
    const socket = await get('/late');
    await done;
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(await get('/next')).toBe(socket);
    expect([owner, job].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
    expect(warn.mock.calls).toEqual([]);
    const refused = name === 'executeWithSSE' ? [[expect.objectContaining({ code: 'REQUEST_OVER' })]] : [];
    expect(handed.mock.calls.splice(0)).toEqual(refused);
    expect(tasks.getStatistics().started + hub.getStatistics().totalConnections).toBe(0);
  });
});

describe('starts that read their input', () => {
  it('read it once for a hundred equal ones with one idempotency key', async () => {
    let reads = 0;
    const input = async (): Promise<void> => {
      reads++;
      await new Promise(setImmediate);
    };
    const server = await start({ handler: { input } });
    const headers = { 'Idempotency-Key': 'order-7' };
    const streams = await Promise.all(Array.from({ length: 100 }, () => server.open('/report', { headers })));
    expect(new Set(streams.map(({ headers: answer }) => answer['x-resume-key'])).size).toBe(1);
    expect([reads, server.job.calls]).toEqual([1, 1]);
    for (const stream of streams) stream.destroy();
  });

  it('give their place back, whether or not the input could be read', async () => {
    const input = jest.fn(async () => undefined).mockRejectedValueOnce(new TaskError('INVALID_INPUT', 'Unreadable'));
    const server = await start({ maxRunningTasks: 1, handler: { input } });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) {
      const stream = await server.open('/report');
      statuses.push(stream.status);
      if (stream.status === 200) (await server.job.run(n)).finish();
      await stream.text();
    }
    expect(statuses).toEqual([400, 200, 200]);
  });

  it('are never more at once than tasks may run', async () => {
    let reading = 0;
    let most = 0;
    const input = async (): Promise<void> => {
      most = Math.max(most, ++reading);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      reading--;
    };
    const server = await start({ maxRunningTasks: 1, handler: { input } });
    const streams = await Promise.all(Array.from({ length: 20 }, () => server.open('/report')));
    expect(most).toBe(1);
    expect(streams.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const stream of streams) stream.destroy();
  });
});

describe('hub.connect', () => {
  it('changes nothing where the request was answered already', async () => {
    const hub = createHub();
    const app = express();
    app.get('/first', (req, res) => {
      hub.connect(req, res, { clientId: 'ann', rooms: ['red'] });
    });
    app.get('/late', (req, res) => {
      res.end('answered');
      hub.connect(req, res, { clientId: 'ann', userId: 'ann', rooms: ['blue'] });
    });
    const server = await listen(app);
    const first = await openStream(`${server.url}/first`);
    await first.next();
    for (let n = 0; n < 20; n++) await (await openStream(`${server.url}/late`)).text();
    expect(hub.getStatistics()).toMatchObject({ activeConnections: 1, totalConnections: 1 });
    expect(hub.getClientInfo('ann')).toMatchObject({ connected: true, rooms: ['red'] });
    await hub.stop();
    await server.close();
  });

  it('answers what it refuses with problem+json in a bare route', async () => {
    const hub = createHub({ maxClients: 1 });
    const server = await listen((req, res) => {
      hub.connect(req, res);
    });
    const first = await openStream(server.url);
    const second = await openStream(server.url);
    expect([second.status, second.headers['content-type']]).toEqual([503, 'application/problem+json']);
    expect(second.headers['retry-after']).toMatch(/^[1-5]$/);
    first.destroy();
    await hub.stop();
    await server.close();
  });

  it('continues a client that the application has named only where it names it again', async () => {
    const hub = createHub();
    const name = 'a-name-that-anybody-may-know';
    const server = await listen((req, res) => {
      if (req.url === '/named') hub.connect(req, res, { clientId: name });
      else hub.connect(req, res);
    });
    const named = await openStream(`${server.url}/named`);
    const thief = await openStream(`${server.url}/?client_id=${name}`);
    expect(thief.headers['x-client-id']).not.toBe(name);
    named.destroy();
    await until(() => !hub.getClientInfo(name).connected);
    const later = await openStream(`${server.url}/?client_id=${name}`);
    expect(later.headers['x-client-id']).not.toBe(name); // not while it is away either
    const again = await openStream(`${server.url}/named`);
    expect(again.headers['x-client-id']).toBe(name);
    for (const stream of [thief, later, again]) stream.destroy();
    await hub.stop();
    await server.close();
  });

  it('reports a take-over once the new connection is open, so that a listener may end it', async () => {
    const hub = createHub();
    const seen: string[] = [];
    hub.on('connect', ({ connected }) => seen.push(`connect ${connected}`));
    hub.on('disconnect', ({ id }) => {
      seen.push('disconnect');
      hub.disconnect(id);
    });
    const server = await listen((req, res) => {
      hub.connect(req, res, { clientId: 'ann' });
    });
    const first = await openStream(server.url);
    await first.next();
    const second = await openStream(server.url);
    expect(hub.getActiveClientCount()).toBe(0);
    await second.rest();
    expect(seen).toEqual(['connect true', 'disconnect', 'connect false', 'disconnect']);
    expect(hub.getActiveClientCount()).toBe(0);
    await hub.stop();
    await server.close();
  });

  it.each(['.x', '.12345678901234567'])(
    'refuses an id of the application that begins like one of the hub’s and ends with %s',
    (end) => {
      const hub = createHub();
      const send = (): number => hub.broadcast({ data: 1, id: `${'A'.repeat(22)}${end}` });
      expect(send).toThrow(expect.objectContaining({ code: 'INVALID_EVENT_ID' }));
    },
  );
});
