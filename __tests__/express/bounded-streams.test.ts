import { AsyncLocalStorage } from 'node:async_hooks';
import http from 'node:http';
import type { TaskManager } from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { rawRequest, requestBytes } from '../support/http/raw-http.js';
import { useTaskServers } from '../support/servers/task-server.js';
import { until } from '../support/clock/until.js';

const createServer = useTaskServers();

const wait = (seconds: number | string): Record<string, string> => ({ Prefer: `wait=${seconds}` });

/** The frames of a body without what is different for each connection. */
const framesOf = (body: string): string[] =>
  body
    .replace(/^retry: \d+\n/, '')
    .split('\n\n')
    .filter((frame) => frame !== '');

describe('a client that asks for an answer of bounded length', () => {
  it('gets the key of the task that it starts at once', async () => {
    const server = await createServer();
    const started = await server.open('/report', { method: 'POST', headers: wait(20) });
    const body = await started.text();
    expect(started.status).toBe(200);
    expect(Number(started.headers['content-length'])).toBe(Buffer.byteLength(body));
    expect(framesOf(body)).toEqual([
      expect.stringMatching(/^event: task\ndata: .*"resumed":false,"position":0}\nid: .*\.0$/),
      ': heartbeat',
    ]);
    expect(started.headers['x-resume-key']).toHaveLength(22);
  });

  it.each(['header', 'query'])('gets the kept events, with their length (asked in the %s)', async (place) => {
    const server = await createServer();
    const { context } = await server.begin();
    await context.updateProgress('a');
    await context.emit('note', 'b');
    const query = `?resume_key=${context.resumeKey}${place === 'query' ? '&wait=20' : ''}`;
    const answer = await server.open(`/report${query}`, { headers: place === 'query' ? {} : wait(20) });
    const body = await answer.text();
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'content-length': String(Buffer.byteLength(body)),
      'preference-applied': 'wait=20',
    });
    expect(framesOf(body).slice(1)).toEqual([
      `data: "a"\nid: ${context.resumeKey}.1`,
      `event: note\ndata: "b"\nid: ${context.resumeKey}.2`,
    ]);
  });

  it.each(['/execute', '/tasks'])('is answered in the same way by %s', async (route) => {
    const server = await createServer();
    const { context } = await server.begin();
    await context.updateProgress('a');
    const path = route === '/tasks' ? `/tasks/${context.taskId}/events` : route;
    const body = await (await server.open(`${path}?wait=20&resume_key=${context.resumeKey}`)).text();
    expect(framesOf(body)[1]).toBe(`data: "a"\nid: ${context.resumeKey}.1`);
  });

  it('waits for the first event', async () => {
    const server = await createServer();
    const { context } = await server.begin();
    const answer = server.open(`/report?wait=20&resume_key=${context.resumeKey}`);
    await subscribed(server.tasks, context.taskId);
    await context.updateProgress('late');
    expect(framesOf(await (await answer).text())[1]).toBe(`data: "late"\nid: ${context.resumeKey}.1`);
    expect(await server.tasks.getTaskInfo(context.taskId)).toMatchObject({ subscribers: 0 });
  });

  it('gets a comment when nothing has come in time', async () => {
    const clock = new ManualClock();
    const server = await createServer({ clock });
    const { context } = await server.begin();
    const answer = server.open(`/report?wait=20&resume_key=${context.resumeKey}`);
    await subscribed(server.tasks, context.taskId);
    clock.advance(20_000);
    expect(framesOf(await (await answer).text()).slice(1)).toEqual([': heartbeat']);
    expect(server.tasks.getStatistics().connections).toBe(0);
  });

  it('gets the end, and then 204', async () => {
    const server = await createServer();
    const { context, finish } = await server.begin();
    finish('done');
    const follow = await server.open(`/report?resume_key=${context.resumeKey}`);
    await follow.rest();
    const answer = await server.open(`/report?wait=20&resume_key=${context.resumeKey}`);
    expect(framesOf(await answer.text())[1]).toMatch(/^event: complete\n/);
    const ended = await server.open('/report', { headers: { ...wait(20), 'Last-Event-ID': `${context.resumeKey}.1` } });
    expect([ended.status, ended.headers['cache-control']]).toEqual([204, 'no-store']);
  });

  it('is answered when the server stops', async () => {
    const server = await createServer();
    const { context } = await server.begin();
    const answer = server.open(`/report?wait=20&resume_key=${context.resumeKey}`);
    await subscribed(server.tasks, context.taskId);
    await server.tasks.stop();
    expect(framesOf(await (await answer).text())[1]).toMatch(/^event: cancelled\n/);
  });

  it('gets no more than a part of a long log at a time, and all of it part by part', async () => {
    const server = await createServer();
    const { context } = await server.begin();
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 20; n++) await context.updateProgress(text);
    let last = 0;
    let answers = 0;
    while (last < 20) {
      const headers = { ...wait(20), 'Last-Event-ID': `${context.resumeKey}.${last}` };
      const body = await (await server.open('/report', { headers })).text();
      expect(body.length).toBeLessThan(600_000);
      for (const [, seq] of body.matchAll(/^data: "x.*\nid: [^.]*\.(\d+)$/gm)) expect(Number(seq)).toBe(++last);
      answers++;
    }
    expect(answers).toBeGreaterThan(2);
  });

  it('leaves nothing behind when it goes away while it waits', async () => {
    const server = await createServer();
    const { context } = await server.begin();
    const request = http.get(`${server.url}/report?wait=20&resume_key=${context.resumeKey}`);
    request.on('error', () => undefined);
    await subscribed(server.tasks, context.taskId);
    const closed = server.closed(2);
    request.destroy();
    await closed;
    expect(await server.tasks.getTaskInfo(context.taskId)).toMatchObject({ subscribers: 0 });
    expect(server.tasks.getStatistics().connections).toBe(0);
  });

  it('finds the same run again when its start is repeated with its idempotency key', async () => {
    const server = await createServer();
    const open = (suffix: string): Promise<{ headers: http.IncomingHttpHeaders }> =>
      server.open(`/report${suffix}`, { headers: { 'Idempotency-Key': 'once' } });
    const first = await open('?wait=20');
    await (await server.job.run()).context.updateProgress('a');
    const second = await open('?wait=5');
    expect(second.headers['x-resume-key']).toBe(first.headers['x-resume-key']);
    expect(server.job.calls).toBe(1);
  });

  it.each(['-1', '1.5', '0x10', '1e2', 'soon'])(
    'gets 400 for ?wait=%s, which is not a number of seconds',
    async (seconds) => {
      const server = await createServer();
      const [response] = await rawRequest(server.port, requestBytes('GET', `/report?wait=${seconds}`));
      expect(response).toMatchObject({ status: 400, body: expect.stringContaining('INVALID_INPUT') });
      expect(server.job.calls).toBe(0);
    },
  );

  it('gets an unbounded stream where its preference is malformed', async () => {
    const server = await createServer();
    const stream = await server.open('/report', { headers: wait('soon') });
    expect(stream.headers).not.toHaveProperty('content-length');
    stream.destroy();
  });

  it('is answered in the AsyncLocalStorage context of its own request, whoever ends its wait', async () => {
    const storage = new AsyncLocalStorage<string>();
    const clock = new ManualClock();
    const seen: (string | undefined)[] = [];
    const server = await createServer({
      clock,
      use: (app) =>
        app.use((_req, res, next) => {
          for (const name of ['writeHead', 'write', 'end'] as const) {
            const call = res[name].bind(res) as (...given: unknown[]) => unknown;
            res[name] = ((...given: unknown[]) => {
              seen.push(storage.getStore());
              return call(...given);
            }) as never;
          }
          storage.run('request', next);
        }),
    });
    const { context } = await server.begin();
    const ENDS = [() => context.updateProgress(1), () => clock.advance(20_000)];
    for (const [seq, end] of ENDS.entries()) {
      const headers = { ...wait(20), 'Last-Event-ID': `${context.resumeKey}.${seq}` };
      const answered = server.open('/report', { headers });
      await subscribed(server.tasks, context.taskId);
      seen.length = 0;
      storage.run('somebody else', end);
      expect((await answered).status).toBe(200);
      await (await answered).text();
      expect(new Set(seen)).toEqual(new Set(['request']));
      await until(async () => (await server.tasks.getTaskInfo(context.taskId)).subscribers === 0);
    }
  });

  it('works over HTTP/1.0', async () => {
    const server = await createServer();
    const [response] = await rawRequest(server.port, requestBytes('GET', '/report?wait=5', {}, '1.0'));
    expect(response).toMatchObject({ status: 200, complete: true });
  });
});

/** Resolves when somebody is attached to the task. */
const subscribed = (tasks: TaskManager, taskId: string): Promise<void> =>
  until(async () => (await tasks.getTaskInfo(taskId)).subscribers > 0);
