import { once } from 'node:events';
import net from 'node:net';
import { rawRequest, receiveAll, requestBytes } from '../support/http/raw-http.js';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();

const seqsOf = (body: string): number[] => [...body.matchAll(/^id: .*\.(\d+)$/gm)].map(([, seq]) => Number(seq));

const problemCode = (body: string): unknown => (JSON.parse(body) as { code: unknown }).code;

describe('HTTP/1.0', () => {
  it.each(['/report', '/execute'])('%s streams without chunks and ends by closing', async (path) => {
    const server = await start();
    const request = receiveAll(server.port, requestBytes('GET', path, {}, '1.0'));
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish('done');
    const { bytes, reset } = await request;
    const [head = '', body = ''] = bytes.toString().split('\r\n\r\n');
    expect(reset).toBe(false);
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).not.toMatch(/transfer-encoding|content-length|keep-alive/i);
    expect(head).toMatch(/^connection: close$/im);
    expect(body).toMatch(/^retry: \d+\nevent: task\n/);
    expect(seqsOf(body)).toEqual([0, 1, 2]);
  });

  it('ends by closing although the client asks to keep the connection', async () => {
    const server = await start();
    const request = receiveAll(server.port, requestBytes('GET', '/report', { Connection: 'keep-alive' }, '1.0'));
    (await server.job.run()).finish();
    const { bytes } = await request;
    expect(bytes.toString()).toMatch(/^connection: close\r$/im);
    expect(bytes.toString()).toMatch(/event: complete\n.*\n.*\n\n$/);
  });
});

describe('one connection of HTTP/1.1', () => {
  it('serves another request after a stream has ended', async () => {
    const server = await start();
    const socket = net.connect(server.port, '127.0.0.1');
    const readUntil = async (ending: string): Promise<string> => {
      let text = '';
      while (!text.endsWith(ending)) text += String((await once(socket, 'data'))[0]);
      return text;
    };
    for (let nth = 1; nth <= 2; nth++) {
      socket.write(requestBytes('GET', '/report'));
      (await server.job.run(nth)).finish(nth);
      expect(await readUntil('0\r\n\r\n')).toContain(`"result":${nth}`);
    }
    socket.destroy();
  });

  it.each(['/report', '/execute', '/tasks/$TASK/events'])(
    'answers requests pipelined to %s behind a stream with 409, and starts or attaches nothing',
    async (path) => {
      const server = await start();
      const { context } = await server.begin();
      const before = server.tasks.getStatistics().started;
      const url = `${path.replace('$TASK', context.taskId)}?idempotency_key=`;
      const first = requestBytes('GET', `/report?resume_key=${context.resumeKey}`);
      const request = rawRequest(
        server.port,
        first + requestBytes('GET', url).repeat(200),
        Array<string>(201).fill('GET'),
      );
      await server.refused(200);
      await new Promise(setImmediate); // the first one attaches
      expect(server.tasks.getStatistics()).toMatchObject({ started: before, connections: 1 });
      await server.tasks.completeTask(context.taskId, 'completed');
      const responses = await request;
      expect(responses.map(({ status }) => status)).toEqual([200, 409]);
      expect(responses[1]?.headers.connection).toBe('close');
      expect(responses[1]?.headers['content-type']).toBe('application/problem+json');
      expect(problemCode(responses[1]?.body ?? '')).toBe('PIPELINING');
      expect(server.job.calls).toBe(1);
    },
  );

  it('starts nothing for requests pipelined behind a short answer of the application', async () => {
    const server = await start({
      use: (app) =>
        app.get('/slow', (_req, res) => {
          setImmediate(() => res.end('slow'));
        }),
    });
    const bytes = requestBytes('GET', '/slow') + requestBytes('GET', '/report');
    const responses = await rawRequest(server.port, bytes, ['GET', 'GET']);
    expect(responses.map(({ status }) => status)).toEqual([200, 409]);
    expect(server.tasks.getStatistics().started).toBe(0);
  });
});

describe('a client that leaves while its request is being checked', () => {
  /** A server that waits for an owner, and a request whose client leaves meanwhile. */
  async function leaveEarly(headers: Record<string, string>): Promise<TaskServer> {
    let asked: (() => void) | undefined;
    let admit: ((owner: string) => void) | undefined;
    const question = new Promise<void>((resolve) => (asked = resolve));
    const owner = (): Promise<string> => {
      asked?.();
      return new Promise((resolve) => (admit = resolve));
    };
    const server = await start({ owner });
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(requestBytes('GET', '/report', headers));
    await question;
    socket.destroy();
    await server.closed(1);
    admit?.('ann');
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    return server;
  }

  it('starts nothing, since nobody could reach the task', async () => {
    const server = await leaveEarly({});
    expect(server.job.calls).toBe(0);
    expect(server.tasks.getStatistics()).toMatchObject({ started: 0, running: 0, connections: 0 });
  });

  it('starts a task where it can find that again by an idempotency key', async () => {
    const server = await leaveEarly({ 'Idempotency-Key': 'order-7' });
    const { context } = await server.job.run();
    expect(server.tasks.getStatistics()).toMatchObject({ running: 1, connections: 0 });
    expect(context.subscriberCount).toBe(0);
  });
});

describe('a request with a body or other headers', () => {
  it('ignores a body on a GET, and still notices when its client leaves', async () => {
    const server = await start();
    const headers = { 'Content-Length': '5', 'Content-Type': 'text/plain' };
    const stream = await server.open('/report', { headers, body: 'hello' });
    await stream.next();
    const { context } = await server.job.run();
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, connections: 1 });
    stream.destroy();
    await server.closed(1);
    expect(server.tasks.getStatistics().connections).toBe(0);
    expect(context.signal.aborted).toBe(false);
  });

  it('starts one task with a body that never ends, and lets go of it with its client', async () => {
    const server = await start();
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(`${requestBytes('GET', '/report', { 'Content-Length': '1000' })}only this`);
    await once(socket, 'data');
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, connections: 1 });
    socket.destroy();
    await server.closed(1);
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, connections: 0 });
  });

  it('answers `Expect: 100-continue`, and starts one task', async () => {
    const server = await start();
    const body = '{"a":1}';
    const headers = { Expect: '100-continue', 'Content-Length': String(body.length) };
    const request = receiveAll(
      server.port,
      requestBytes('POST', '/report', { ...headers, Connection: 'close' }) + body,
    );
    (await server.job.run()).finish();
    const text = (await request).bytes.toString();
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, completed: 1, connections: 0 });
  });

  it('ignores `Upgrade`', async () => {
    const server = await start();
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket' };
    const request = rawRequest(server.port, requestBytes('GET', '/report', headers));
    (await server.job.run()).finish();
    const [response] = await request;
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response?.headers).not.toHaveProperty('upgrade');
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, connections: 0 });
  });

  it('keeps the stream of a POST whose body was parsed: only the response says when a client leaves', async () => {
    const server = await start({
      use: (app) =>
        app.use((req, _res, next) => {
          req.resume().once('end', next);
        }),
    });
    const stream = await server.open('/report', { method: 'POST', body: '{}' });
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish();
    expect((await stream.rest()).map(({ event }) => event)).toEqual(['task', undefined, 'complete']);
  });
});

describe('An application that has a member named stream on its requests and responses, as those of HTTP/2 do', () => {
  it.each([null, 'a text'])('is served: %j', async (stream) => {
    const server = await start({
      use: (app) =>
        app.use((req, res, next) => {
          Object.assign(req, { stream });
          Object.assign(res, { stream });
          next();
        }),
    });
    const begun = await server.open('/report', { method: 'POST', headers: { 'Idempotency-Key': 'one' } });
    expect([begun.status, (await begun.next())?.event]).toEqual([200, 'task']);
    expect((await server.open('/report?resume_key=no')).status).toBe(400);
  });
});
