import { once } from 'node:events';
import http from 'node:http';
import express from 'express';
import { createHub } from '../../lib/index.js';
import { listen, openStream } from '../support/raw-http.js';
import { useTaskServers } from '../support/task-server.js';

const start = useTaskServers();

describe('a request that a time-out has answered while its owner was looked up', () => {
  it.each(['/report', '/execute'])('starts nothing on %s, and its connection serves the next one', async (path) => {
    let admit: ((owner: string) => void) | undefined;
    let asked: (() => void) | undefined;
    const question = new Promise<void>((resolve) => (asked = resolve));
    const server = await start({
      owner: () => {
        asked?.();
        return new Promise((resolve) => (admit = resolve));
      },
      use: (app) =>
        app.use((req, res, next) => {
          if (req.path === path) void question.then(() => res.status(503).end('too late'));
          if (req.path === '/ping') res.end('pong');
          else next();
        }),
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async (target: string): Promise<http.IncomingMessage> => {
      const [response] = (await once(http.get(`${server.url}${target}`, { agent }), 'response')) as [
        http.IncomingMessage,
      ];
      response.resume();
      await once(response, 'end');
      return response;
    };
    const late = await get(path);
    expect(late.statusCode).toBe(503);
    admit?.('ann');
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    expect(server.job.calls).toBe(0);
    expect(server.tasks.getStatistics().started).toBe(0);
    const next = await get('/ping');
    expect([next.statusCode, next.socket === late.socket]).toEqual([200, true]);
    agent.destroy();
  });
});

describe('starts that read their input', () => {
  it('read it once for a hundred twins with one idempotency key', async () => {
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

  it('are no more at once than there are places', async () => {
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
    const again = await openStream(`${server.url}/named`);
    expect(again.headers['x-client-id']).toBe(name);
    for (const stream of [named, thief, again]) stream.destroy();
    await hub.stop();
    await server.close();
  });

  it('tells of a take-over when the new connection stands, so that a listener may end it', async () => {
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
    await second.rest();
    expect(seen).toEqual(['connect true', 'disconnect', 'connect false', 'disconnect']);
    expect(hub.getActiveClientCount()).toBe(0);
    await hub.stop();
    await server.close();
  });

  it.each(['.x', '.12345678901234567'])('an own id that begins like the hub’s and ends with %s is refused', (end) => {
    const hub = createHub();
    const send = (): number => hub.broadcast({ data: 1, id: `${'A'.repeat(22)}${end}` });
    expect(send).toThrow(expect.objectContaining({ code: 'INVALID_EVENT_ID' }));
  });
});
