import type { RequestHandler } from 'express';
import { TaskError } from '../../lib/index.js';
import type { ControlledRun } from '../support/jobs/controlled-job.js';
import { rawRequest } from '../support/http/raw-http.js';
import { get, streamRoutes } from '../support/http/refusal.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();

/** Without the line that is different for each connection. */
const withoutRetry = (text: string): string => text.replace(/^retry: \d+\n/, '');

/** A middleware that keeps every piece that is written to a response. */
function recordWrites(): { writes: string[]; middleware: RequestHandler } {
  const writes: string[] = [];
  const middleware: RequestHandler = (_req, res, next) => {
    const write = res.write.bind(res) as (chunk: Buffer | string) => boolean;
    res.write = (chunk: Buffer | string) => {
      writes.push(chunk.toString());
      return write(chunk);
    };
    next();
  };
  return { writes, middleware };
}

describe('the head of a stream', () => {
  it.each([...streamRoutes('$TASK')])('has exactly these headers on %s', async (_name, path) => {
    const server = await start();
    const { context, finish } = await server.begin();
    const url = `${path.replace('$TASK', context.taskId)}?resume_key=${context.resumeKey}`;
    const request = rawRequest(server.port, get(url));
    finish();
    const [response] = await request;
    expect(response).toMatchObject({ version: '1.1', status: 200, complete: true });
    expect(response?.headers).toEqual({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-task-id': context.taskId,
      'x-resume-key': context.resumeKey,
      'x-powered-by': 'Express',
      connection: 'keep-alive',
      'keep-alive': expect.any(String),
      'transfer-encoding': 'chunked',
      date: expect.any(String),
    });
  });

  it('is sent at once, with the task, before the job has said anything', async () => {
    const server = await start();
    const stream = await server.open('/report');
    const task = await stream.next();
    const { context } = await server.job.run();
    expect(task?.event).toBe('task');
    expect(stream.headers['x-task-id']).toBe(context.taskId);
    expect(stream.headers['x-resume-key']).toBe(context.resumeKey);
  });

  it('has a v7 uuid for everybody, and a secret key of 22 base64url characters', async () => {
    const server = await start();
    const { context } = await server.begin();
    expect(context.taskId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(context.resumeKey).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });
});

describe('the body of a stream', () => {
  it.each(['/report', '/execute'])('is exactly these bytes from a start on %s to its end', async (path) => {
    const server = await start();
    const stream = await server.open(path);
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1, total: 10 });
    await context.emit('note', 'zwei\nZeilen');
    await context.updateProgress('ä😀');
    finish({ rows: 3 });
    const { taskId: id, resumeKey: key } = context;
    const text = await stream.text();
    expect(text).toMatch(/^retry: \d+\n/);
    expect(withoutRetry(text)).toBe(
      `event: task\ndata: {"task_id":"${id}","resume_key":"${key}","status":"running","resumed":false,"position":0}\nid: ${key}.0\n\n` +
        `data: {"step":1,"total":10}\nid: ${key}.1\n\n` +
        `event: note\ndata: "zwei\\nZeilen"\nid: ${key}.2\n\n` +
        `data: "ä😀"\nid: ${key}.3\n\n` +
        `event: complete\ndata: {"task_id":"${id}","status":"completed","result":{"rows":3}}\nid: ${key}.4\n\n`,
    );
  });

  const ENDS: [what: string, end: (run: ControlledRun) => unknown, event: string, members: string][] = [
    ['a result', ({ finish }) => finish([1]), 'complete', '"status":"completed","result":[1]'],
    ['no result', ({ finish }) => finish(), 'complete', '"status":"completed"'],
    ['null', ({ finish }) => finish(null), 'complete', '"status":"completed","result":null'],
    [
      'an error',
      ({ fail }) => fail(new Error('at /srv/secret')),
      'failed',
      '"status":"failed","error":{"code":"TASK_FAILED","message":"The task failed"}',
    ],
    [
      'a TaskError',
      ({ fail }) => fail(new TaskError('INVALID_INPUT', 'Row 7 is not a number')),
      'failed',
      '"status":"failed","error":{"code":"INVALID_INPUT","message":"Row 7 is not a number"}',
    ],
  ];

  it.each(ENDS)('ends with one terminal frame for %s', async (_what, end, event, members) => {
    const server = await start();
    const stream = await server.open('/report');
    const run = await server.job.run();
    end(run);
    const { taskId, resumeKey } = run.context;
    const frames = withoutRetry(await stream.text()).split(/(?<=\n\n)/);
    expect(frames).toHaveLength(2);
    expect(frames[1]).toBe(`event: ${event}\ndata: {"task_id":"${taskId}",${members}}\nid: ${resumeKey}.1\n\n`);
  });

  it('ends with `cancelled`, its code and its reason', async () => {
    const server = await start();
    const stream = await server.open('/report');
    const { context } = await server.job.run();
    await server.tasks.cancelTask(context.taskId, 'Not needed any more');
    expect(withoutRetry(await stream.text()).split(/(?<=\n\n)/)[1]).toBe(
      `event: cancelled\ndata: {"task_id":"${context.taskId}","status":"cancelled","code":"TASK_CANCELLED","reason":"Not needed any more"}\nid: ${context.resumeKey}.1\n\n`,
    );
  });

  it('says in its task frame that the client has returned, and at which position it goes on', async () => {
    const server = await start();
    const { context, finish } = await server.begin();
    for (let step = 1; step <= 3; step++) await context.updateProgress({ step });
    finish();
    const { taskId: id, resumeKey: key } = context;
    await (await server.open(`/report?resume_key=${key}`)).rest();
    const stream = await server.open('/report', { headers: { 'Last-Event-ID': `${key}.2` } });
    expect(withoutRetry(await stream.text())).toBe(
      `event: task\ndata: {"task_id":"${id}","resume_key":"${key}","status":"completed","resumed":true,"position":2}\nid: ${key}.2\n\n` +
        `data: {"step":3}\nid: ${key}.3\n\n` +
        `event: complete\ndata: {"task_id":"${id}","status":"completed"}\nid: ${key}.4\n\n`,
    );
  });

  it('says in a gap frame which events were lost, with the id of the last of them', async () => {
    const server = await start({ maxEventsPerTask: 8 });
    const { context } = await server.begin();
    for (let step = 1; step <= 20; step++) await context.updateProgress({ step });
    const { firstKeptSeq } = await server.tasks.getTaskInfo(context.taskId);
    const { resumeKey: key } = context;
    const stream = await server.open('/report', { headers: { 'Last-Event-ID': `${key}.2` } });
    await stream.next();
    expect(await stream.next()).toEqual({
      event: 'gap',
      data: `{"from":3,"to":${firstKeptSeq - 1},"reason":"trimmed"}`,
      id: `${key}.${firstKeptSeq - 1}`,
      retry: undefined,
      comment: undefined,
    });
    expect(await stream.next()).toMatchObject({ data: `{"step":${firstKeptSeq}}`, id: `${key}.${firstKeptSeq}` });
  });
});

describe('the writes of a stream', () => {
  it('never split a frame', async () => {
    const { writes, middleware } = recordWrites();
    const server = await start({ use: (app) => app.use(middleware) });
    const { context, finish } = await server.begin();
    writes.length = 0;
    const stream = await server.open(`/report?resume_key=${context.resumeKey}`);
    for (let step = 1; step <= 5_000; step++) await context.updateProgress({ step, text: 'ä'.repeat(step % 100) });
    finish();
    await stream.rest();
    expect(writes.length).toBeGreaterThan(5);
    for (const write of writes) expect(write).toMatch(/^(retry|event|data): [^]*\nid: [\w-]{22}\.\d+\n\n$/);
  });

  it('carry everything that one tick appended together', async () => {
    const { writes, middleware } = recordWrites();
    const server = await start({ use: (app) => app.use(middleware) });
    const stream = await server.open('/report');
    await stream.next();
    const { context } = await server.job.run();
    // They fit into one segment of the log.
    for (let step = 1; step <= 10; step++) void context.updateProgress({ step });
    for (let step = 1; step <= 10; step++) expect((await stream.next())?.data).toBe(`{"step":${step}}`);
    expect(writes).toHaveLength(2);
  });

  it('give each connection a retry of its own, within 25 % of retryMs', async () => {
    const server = await start({ retryMs: 1_000 });
    const { context } = await server.begin();
    const retries: number[] = [];
    for (let connection = 0; connection < 40; connection++) {
      const stream = await server.open(`/report?resume_key=${context.resumeKey}`);
      retries.push((await stream.next())?.retry ?? NaN);
    }
    for (const retry of retries) expect(Math.abs(retry - 1_000)).toBeLessThanOrEqual(250);
    expect(new Set(retries).size).toBeGreaterThan(10);
    expect(Math.max(...retries) - Math.min(...retries)).toBeGreaterThan(100);
  });
});
