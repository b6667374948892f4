import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { createTaskManager, sendProblem, type TaskManager, type TaskManagerOptions } from '../../lib/index.js';
import { controlledJob, type ControlledJob } from '../support/jobs/controlled-job.js';
import { Counter } from '../support/jobs/flow.js';
import { certificate, listenHttp2, openHttp2, type Http2Listening } from '../support/http/http2.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { ProcessGuard } from '../support/processes/process-guard.js';

interface Http2Server extends Http2Listening {
  readonly tasks: TaskManager;
  readonly job: ControlledJob;
  /** Resolves once so many responses are over. */
  closed(count: number): Promise<void>;
}

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** `executeWithSSE` and `pipe` behind the compat API of `node:http2`, for both protocols. */
async function start(options: TaskManagerOptions = {}): Promise<Http2Server> {
  const tasks = createTaskManager(options);
  const job = controlledJob();
  const closed = new Counter();
  const answer = async (req: Http2ServerRequest, res: Http2ServerResponse): Promise<void> => {
    res.once('close', () => closed.add(1));
    try {
      const stream = await tasks.executeWithSSE(req, undefined, undefined, job.job);
      await stream.pipe(res);
    } catch (error) {
      if (!sendProblem(res, error)) res.writeHead(500).end();
    }
  };
  const server = await listenHttp2((req, res) => void answer(req, res));
  cleanUps.push(
    () => server.close(),
    () => tasks.stop(),
  );
  return { ...server, tasks, job, closed: (count) => closed.reached(count) };
}

describe('HTTP/2', () => {
  it('carries a stream with the same headers, less those that HTTP/2 does not know', async () => {
    const server = await start();
    const { headers, rest } = await openHttp2(server.connect(), '/report');
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish('done');
    expect(headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-task-id': context.taskId,
      'x-resume-key': context.resumeKey,
    });
    expect(headers).not.toHaveProperty('connection');
    expect((await rest()).map(({ event, data }) => event ?? data)).toEqual(['task', '{"step":1}', 'complete']);
  });

  it('resumes exactly by Last-Event-ID, and says 204 after the end', async () => {
    const server = await start();
    const session = server.connect();
    const first = await openHttp2(session, '/report');
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    await first.next();
    const id = (await first.next())?.id;
    first.stream.close(http2.constants.NGHTTP2_CANCEL);
    await context.updateProgress({ step: 2 });
    finish();
    const back = await (await openHttp2(session, '/report', { 'last-event-id': id })).rest();
    expect(back.map(({ event, data }) => event ?? data)).toEqual(['task', '{"step":2}', 'complete']);
    const over = await openHttp2(session, '/report', { 'last-event-id': back.at(-1)?.id });
    expect(over.headers[':status']).toBe(204);
    expect(await over.text()).toBe('');
    expect(server.job.calls).toBe(1);
  });

  it('answers a bad key with a problem, and HEAD with 405', async () => {
    const server = await start();
    const session = server.connect();
    const refused = await openHttp2(session, '/report?resume_key=x');
    expect(refused.headers).toMatchObject({ ':status': 400, 'content-type': 'application/problem+json' });
    expect(JSON.parse(await refused.text())).toMatchObject({ status: 400, code: 'INVALID_RESUME_KEY' });
    const head = await openHttp2(session, '/report', { ':method': 'HEAD' });
    expect(head.headers).toMatchObject({ ':status': 405, allow: 'GET, POST, OPTIONS' });
    expect(await head.text()).toBe('');
    expect(server.tasks.getStatistics()).toMatchObject({ started: 0, connections: 0 });
  });

  it('refuses starts after a stop without the Connection header, which Node would warn about', async () => {
    const guard = new ProcessGuard();
    cleanUps.push(() => guard.close());
    const server = await start();
    await server.tasks.stop();
    const { headers, text } = await openHttp2(server.connect(), '/report');
    expect(headers).toMatchObject({ ':status': 503, 'retry-after': expect.stringMatching(/^[1-5]$/) });
    expect(JSON.parse(await text())).toMatchObject({ code: 'SHUTDOWN' });
    expect(guard.take()).toEqual([]);
  });

  it('carries many streams over one connection: there is no pipelining to refuse', async () => {
    const server = await start();
    const session = server.connect();
    const streams = await Promise.all(Array.from({ length: 20 }, () => openHttp2(session, '/report')));
    for (const { next } of streams) expect((await next())?.event).toBe('task');
    expect(server.tasks.getStatistics()).toMatchObject({ running: 20, connections: 20 });
    for (let nth = 1; nth <= 20; nth++) (await server.job.run(nth)).finish(nth);
    for (const { rest } of streams) expect((await rest()).map(({ event }) => event)).toEqual(['complete']);
  });

  it('notices a stream that its client has reset, while the task goes on', async () => {
    const server = await start();
    const session = server.connect();
    const { stream } = await openHttp2(session, '/report');
    const { context } = await server.job.run();
    expect(context.subscriberCount).toBe(1);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await server.closed(1);
    expect(server.tasks.getStatistics()).toMatchObject({ running: 1, connections: 0 });
    expect(context.subscriberCount).toBe(0);
    expect(context.signal.aborted).toBe(false);
  });

  it('notices a connection that is gone, with all its streams', async () => {
    const server = await start();
    const session = server.connect();
    for (let nth = 1; nth <= 5; nth++) await openHttp2(session, '/report');
    session.destroy();
    await server.closed(5);
    expect(server.tasks.getStatistics()).toMatchObject({ running: 5, connections: 0 });
  });

  it('starts nothing when the client has left while its owner was looked up', async () => {
    let admit: ((owner: string) => void) | undefined;
    const asked = new Counter();
    const server = await start({
      owner: () => {
        asked.add(1);
        return new Promise((resolve) => (admit = resolve));
      },
    });
    const stream = server.connect().request({ ':path': '/report' });
    stream.on('error', () => undefined);
    await asked.reached(1);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await server.closed(1);
    admit?.('ann');
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    expect(server.tasks.getStatistics()).toMatchObject({ started: 0, running: 0, connections: 0 });
  });

  it('waits while the client takes nothing, and goes on where it was', async () => {
    const server = await start({ maxBytesPerTask: 16 * 2 ** 20 });
    const { next, rest } = await openHttp2(server.connect(), '/report');
    const { context, finish } = await server.job.run();
    await next();
    for (let step = 1; step <= 40; step++) await context.updateProgress({ step, padding: 'x'.repeat(100_000) });
    finish();
    const seqs = (await rest()).map(({ id }) => Number(id?.split('.')[1]));
    expect(seqs).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
  });

  it('closes a stream that takes nothing for stallTimeoutMs', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, stallTimeoutMs: 60_000 });
    const session = server.connect();
    const { stream } = await openHttp2(session, '/report');
    const { context } = await server.job.run();
    for (let step = 1; step <= 40; step++) await context.updateProgress({ step, padding: 'x'.repeat(100_000) });
    await new Promise(setImmediate);
    clock.advance(59_000);
    expect(server.tasks.getStatistics().connections).toBe(1);
    clock.advance(20_000);
    await server.closed(1);
    expect(server.tasks.getStatistics().connections).toBe(0);
    stream.close();
  });

  it('recognises its own origin by :authority', async () => {
    const server = await start();
    const session = server.connect();
    const own = await openHttp2(session, '/report', {
      ':authority': new URL(server.origin).host,
      origin: server.origin,
    });
    expect(own.headers[':status']).toBe(200);
    const other = await openHttp2(session, '/report', { origin: 'https://evil.example' });
    expect(other.headers[':status']).toBe(403);
    expect(server.tasks.getStatistics().started).toBe(1);
  });
});

describe('allowHTTP1', () => {
  it('serves a client of HTTP/1.1 on the same port', async () => {
    const server = await start();
    const request = https.get(`${server.origin}/report`, { ca: certificate.cert, family: 4, agent: false });
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish();
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(response.httpVersion).toBe('1.1');
    expect(response.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'content-type': 'text/event-stream' });
    expect(text).toContain('data: {"step":1}\n');
    expect(text).toMatch(/event: complete\n.*\n.*\n\n$/);
  });
});
