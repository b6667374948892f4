import express, { type Express } from 'express';
import { ManualClock } from '../support/clock/manual-clock.js';
import { requestBytes, type OpenStream } from '../support/http/raw-http.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();
const KEY = { 'Idempotency-Key': 'order-7' };
const byOwner = { owner: (req: { headers: NodeJS.Dict<string | string[]> }) => String(req.headers['x-owner']) };
const WAYS: [way: string, path: string, headers: Record<string, string>][] = [
  ['the header', '/report', KEY],
  ['the query', '/report?idempotency_key=order-7', {}],
  ['the header, with executeWithSSE()', '/execute', KEY],
  ['the query, with executeWithSSE()', '/execute?idempotency_key=order-7', {}],
];

const taskOf = async (stream: OpenStream): Promise<unknown> => JSON.parse((await stream.next())?.data ?? '');

describe.each(WAYS)('an idempotency key in %s', (_way, path, headers) => {
  it('attaches a repeated start to the task that runs', async () => {
    const server = await start();
    const first = await server.open(path, { headers });
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    const second = await server.open(path, { headers });
    finish('done');
    expect(await taskOf(first)).toMatchObject({ task_id: context.taskId, resumed: false });
    expect(await taskOf(second)).toMatchObject({ task_id: context.taskId, resumed: true, position: 0 });
    for (const stream of [first, second]) {
      expect((await stream.rest()).map(({ event }) => event)).toEqual([undefined, 'complete']);
    }
    expect(server.job.calls).toBe(1);
  });

  it('replays a finished task to a repeated start, with its end', async () => {
    const server = await start();
    const first = await server.open(path, { headers });
    const { context, finish } = await server.job.run();
    await context.updateProgress({ step: 1 });
    finish('done');
    await first.rest();
    const second = await server.open(path, { headers });
    expect(await taskOf(second)).toMatchObject({ task_id: context.taskId, resumed: true, status: 'completed' });
    expect((await second.rest()).map(({ event }) => event)).toEqual([undefined, 'complete']);
    expect(server.job.calls).toBe(1);
  });

  it('makes 100 starts at once one run, which 99 attach to', async () => {
    const server = await start();
    const streams = await Promise.all(Array.from({ length: 100 }, () => server.open(path, { headers })));
    const tasks = (await Promise.all(streams.map(taskOf))) as { task_id: string; resumed: boolean }[];
    expect(new Set(tasks.map(({ task_id: id }) => id)).size).toBe(1);
    expect(tasks.filter(({ resumed }) => !resumed)).toHaveLength(1);
    expect(server.job.calls).toBe(1);
    expect(server.tasks.getStatistics()).toMatchObject({ started: 1, running: 1, connections: 100 });
  });
});

describe('starts with one idempotency key', () => {
  it('become one run although all wait for their owner and there is room for one only', async () => {
    const admits: (() => void)[] = [];
    let everyoneAsks: (() => void) | undefined;
    const asked = new Promise<void>((resolve) => (everyoneAsks = resolve));
    const owner = (): Promise<string> => {
      if (admits.length === 9) everyoneAsks?.();
      return new Promise((resolve) => admits.push(() => resolve('ann')));
    };
    const server = await start({ owner, maxRunningTasks: 1, maxTasksPerOwner: 1 });
    const opening = Array.from({ length: 10 }, () => server.open('/report', { headers: KEY }));
    await asked;
    for (const admit of admits) admit();
    const streams = await Promise.all(opening);
    expect(streams.map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    expect(server.job.calls).toBe(1);
  });

  it('become two runs for two owners', async () => {
    const server = await start(byOwner);
    const ann = await server.begin('/report', { headers: { ...KEY, 'X-Owner': 'ann' } });
    const bob = await server.begin('/report', { headers: { ...KEY, 'X-Owner': 'bob' } });
    expect(ann.context.taskId).not.toBe(bob.context.taskId);
  });

  it('cannot be confused by an owner that looks like another owner with a key', async () => {
    const server = await start({ owner: (req) => req.headers['x-owner'] as string | undefined });
    await server.begin('/report', { headers: { 'Idempotency-Key': 'b","c', 'X-Owner': 'a' } });
    await server.begin('/report', { headers: { 'Idempotency-Key': 'c', 'X-Owner': 'a","b' } });
    await server.begin('/report', { headers: { 'Idempotency-Key': 'b","c' } });
    expect(server.job.calls).toBe(3);
  });

  it('become a new run when the first is no longer kept', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, ttlMs: 60_000, sweepIntervalMs: 1_000 });
    const first = await server.open('/report', { headers: KEY });
    (await server.job.run(1)).finish();
    await first.rest();
    clock.advance(62_000);
    expect(await taskOf(await server.open('/report', { headers: KEY }))).toMatchObject({ resumed: false });
  });

  it('attach at the cursor that a repeated EventSource brings', async () => {
    const server = await start();
    const { context } = await server.begin('/report?idempotency_key=order-7');
    for (let step = 1; step <= 3; step++) await context.updateProgress({ step });
    const headers = { 'Last-Event-ID': `${context.resumeKey}.2` };
    const stream = await server.open('/report?idempotency_key=order-7', { headers });
    expect(await taskOf(stream)).toMatchObject({ position: 2 });
    expect((await stream.next())?.data).toBe('{"step":3}');
  });
});

describe('the same idempotency key with another payload', () => {
  const use = (app: Express): void => {
    app.use(express.json());
  };
  const post = (path: string, body: string): string => {
    const headers = { ...KEY, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    return requestBytes('POST', path, headers) + body;
  };
  const BODY = '{"rows":1}';
  const OTHER: [what: string, bytes: string][] = [
    ['body', post('/report?a=1', '{"rows":2}')],
    ['query', post('/report?a=2', BODY)],
    ['path', post('/execute?a=1', BODY)],
    ['method', get('/report?a=1', KEY)],
  ];

  it.each(OTHER)('is refused with 422 for another %s, and leaves nothing behind', async (_what, bytes) => {
    const server = await start({ use, clock: new ManualClock() });
    const headers = { ...KEY, 'Content-Type': 'application/json' };
    await server.begin('/report?a=1', { method: 'POST', body: BODY, headers });
    await expectRefused(server, { bytes, status: 422, code: 'KEY_REUSED', secrets: ['order-7'] });
  });

  it('is refused where nobody has parsed the body, and the answer says so', async () => {
    const server = await start();
    const headers = { ...KEY, 'Content-Type': 'application/json' };
    await server.begin('/report', { method: 'POST', body: BODY, headers });
    const refused = await server.open('/report', { method: 'POST', body: BODY, headers });
    expect(JSON.parse(await refused.text())).toMatchObject({
      code: 'KEY_REUSED',
      detail: expect.stringContaining('has parsed'),
    });
  });

  it('counts as the same payload when only the library’s own parameters differ', async () => {
    const server = await start({ use });
    await server.begin('/report?a=1&idempotency_key=order-7&resume_key=');
    expect((await server.open('/report?a=1&replay=snapshot', { headers: KEY })).status).toBe(200);
    expect(server.job.calls).toBe(1);
  });

  it('is refused when startTask is given another input', async () => {
    const server = await start();
    const request = { method: 'POST', url: '/x', headers: {} } as never;
    const task = await server.tasks.startTask(request, server.job.job, { input: 1, idempotencyKey: 'k' });
    const again = await server.tasks.startTask(request, server.job.job, { input: 1, idempotencyKey: 'k' });
    expect(again).toEqual(task);
    const other = server.tasks.startTask(request, server.job.job, { input: 2, idempotencyKey: 'k' });
    await expect(other).rejects.toMatchObject({ code: 'KEY_REUSED' });
  });
});

describe('an idempotency key that is malformed or empty', () => {
  it.each([
    ['given twice in the query', get('/report?idempotency_key=a&idempotency_key=b')],
    ['an object in the query', get('/report?idempotency_key[x]=a')],
    ['too long', get('/report', { 'Idempotency-Key': 'k'.repeat(256) })],
    ['given twice as a header', get('/report').replace(/\r\n$/, 'Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n')],
    ['not ASCII', get('/report', { 'Idempotency-Key': 'schlüssel' })],
    ['a line break', get('/report?idempotency_key=a%0ab')],
  ])('is refused with 400 when it is %s', async (_what, bytes) => {
    const server = await start({ clock: new ManualClock() });
    await expectRefused(server, { bytes, status: 400, code: 'INVALID_INPUT', secrets: ['kkkk', 'schl'] });
  });

  it('counts as none when it is empty', async () => {
    const server = await start();
    await server.begin('/report', { headers: { 'Idempotency-Key': '' } });
    await server.begin('/report?idempotency_key=');
    expect(server.job.calls).toBe(2);
  });
});
