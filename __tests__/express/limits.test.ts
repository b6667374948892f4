import { createTaskManager, TaskError, type StoreSizes, type TaskStore } from '../../lib/index.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { requestBytes } from '../support/http/raw-http.js';
import { expectRefused, get } from '../support/http/refusal.js';
import { useTaskServers } from '../support/servers/task-server.js';
import { until } from '../support/clock/until.js';

const start = useTaskServers();
const STARTS: [name: string, path: string][] = [
  ['handler()', '/report'],
  ['executeWithSSE()', '/execute'],
];

describe('the subscribers of one task', () => {
  it.each([
    ['handler()', '/report?'],
    ['executeWithSSE()', '/execute?'],
    ['the router', '/tasks/$TASK/events?'],
  ])('are at most maxSubscribersPerTask: one more gets 429 on %s, and the others stay', async (_name, path) => {
    const server = await start({ maxSubscribersPerTask: 2, clock: new ManualClock() });
    const { context, finish } = await server.begin();
    const url = `${path.replace('$TASK', context.taskId)}resume_key=${context.resumeKey}`;
    const attached = [await server.open(url), await server.open(url)];
    await expectRefused(server, {
      bytes: get(url),
      status: 429,
      code: 'TOO_MANY_SUBSCRIBERS',
      secrets: [context.resumeKey],
    });
    finish('done');
    for (const stream of attached) expect((await stream.rest()).at(-1)?.event).toBe('complete');
  });

  it('are admitted up to that number when many come at once', async () => {
    const server = await start({ maxSubscribersPerTask: 3 });
    const { context } = await server.begin();
    const crowd = await Promise.all(
      Array.from({ length: 10 }, () => server.open(`/report?resume_key=${context.resumeKey}`)),
    );
    expect(crowd.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(crowd.filter(({ status }) => status === 429)).toHaveLength(7);
  });

  it('make room when they leave', async () => {
    const server = await start({ maxSubscribersPerTask: 1 });
    const { context } = await server.begin();
    const url = `/report?resume_key=${context.resumeKey}`;
    const first = await server.open(url);
    first.destroy();
    await server.closed(2); // the one that started the task, and this one
    expect((await server.open(url)).status).toBe(200);
  });

  it('include iterators', async () => {
    const server = await start({ maxSubscribersPerTask: 1 });
    const { context } = await server.begin();
    const url = `/report?resume_key=${context.resumeKey}`;
    await server.open(url);
    const stream = await server.tasks.executeWithSSE(
      { method: 'GET', url, headers: {} } as never,
      context.resumeKey,
      undefined,
      () => undefined,
    );
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'TOO_MANY_SUBSCRIBERS' });
  });
});

describe('running tasks', () => {
  const byOwner = { owner: (req: { headers: NodeJS.Dict<string | string[]> }) => String(req.headers['x-owner']) };

  it.each(STARTS)(
    'are at most maxTasksPerOwner: one more gets 429 on %s, for that owner alone',
    async (_name, path) => {
      const server = await start({ ...byOwner, maxTasksPerOwner: 1, clock: new ManualClock() });
      const ann = { 'X-Owner': 'ann' };
      const { finish } = await server.begin('/report', { headers: ann });
      await expectRefused(server, { bytes: get(path, ann), status: 429, code: 'TOO_MANY_TASKS', secrets: ['ann'] });
      expect((await server.open(path, { headers: { 'X-Owner': 'bob' } })).status).toBe(200);

      const watched = await server.tasks.listTasks({ owner: 'ann' });
      const stream = await server.open(`/report?resume_key=${watched[0]?.resumeKey}`, { headers: ann });
      finish();
      await stream.rest();
      expect((await server.open(path, { headers: ann })).status).toBe(200);
    },
  );

  it.each(STARTS)(
    'are at most maxRunningTasks: one more gets 503 on %s, and its input is not read',
    async (_name, path) => {
      const input = jest.fn();
      const server = await start({ maxRunningTasks: 1, clock: new ManualClock(), handler: { input } });
      const { context } = await server.begin();
      await expectRefused(server, { bytes: get(path), status: 503, code: 'AT_CAPACITY', secrets: [context.resumeKey] });
      expect(input).toHaveBeenCalledTimes(1);
      expect((await server.open(`/report?resume_key=${context.resumeKey}`)).status).toBe(200);
    },
  );

  it('can be attached to by a repeated start although no other task could start', async () => {
    const server = await start({ maxRunningTasks: 1 });
    const headers = { 'Idempotency-Key': 'once' };
    await server.begin('/report', { headers });
    expect((await server.open('/report', { headers })).status).toBe(200);
  });
});

describe('an input that is read slowly', () => {
  it('has its place before it is read, so that no more inputs are read than tasks may run', async () => {
    let read: (() => void) | undefined;
    const input = jest.fn(() => new Promise<string>((resolve) => (read = () => resolve('read'))));
    const server = await start({ maxRunningTasks: 1, handler: { input } });
    const first = server.open('/report', { method: 'POST', headers: { Prefer: 'respond-async' } });
    await until(() => input.mock.calls.length === 1);
    const others = await Promise.all([1, 2, 3].map(() => server.open('/report', { method: 'POST' })));
    expect(others.map(({ status }) => status)).toEqual([503, 503, 503]);
    read?.();
    expect((await first).status).toBe(202);
    expect(input).toHaveBeenCalledTimes(1);
  });
});

describe('an error of the application’s own functions', () => {
  it('is answered with 400 where `input` throws INVALID_INPUT', async () => {
    const refuse = (): never => {
      throw new TaskError('INVALID_INPUT', 'steps is a number');
    };
    const server = await start({ handler: { input: refuse }, clock: new ManualClock() });
    const { body } = await expectRefused(server, { bytes: get('/report'), status: 400, code: 'INVALID_INPUT' });
    expect(body).toContain('steps is a number');
  });

  it.each([
    ['input', { handler: { input: () => Promise.reject(new Error('no')) } }],
    ['owner', { owner: () => Promise.reject(new Error('no')) }],
    ['subscriberId', { handler: { subscriberId: () => failing() } }],
  ])('goes to the error middleware where it comes from `%s`, and nothing starts', async (_name, options) => {
    const server = await start(options);
    const before = await server.state();
    expect((await server.open('/report')).status).toBe(500);
    expect(await server.state()).toEqual(before);
  });
});

const failing = (): never => {
  throw new Error('no');
};

describe('a store that is down', () => {
  const down = (): never => {
    throw new TaskError('STORE_UNAVAILABLE', 'The store cannot be reached', { cause: new Error('ECONNREFUSED') });
  };
  const never = (): Promise<never> => new Promise(() => undefined);
  const sizes = (): StoreSizes => ({ finished: 0, tombstones: 0, bufferedBytes: 0 });
  const broken =
    (answer: () => never | Promise<never>): TaskStore =>
    () => ({
      ...{ shared: true, sizes, create: answer, find: answer, open: answer, claim: answer },
      ...{ list: () => [], departedAt: answer, requestCancel: answer, sweep: answer },
    });
  const KEY = 'AAAAAAAAAAAAAAAAAAAAAA';
  const ID = '00000000-0000-7000-8000-000000000000';
  const REQUESTS: [what: string, method: string, path: string][] = [
    ['a start by handler()', 'GET', '/report'],
    ['a start by executeWithSSE()', 'GET', '/execute'],
    ['a start that is repeated', 'GET', '/report?idempotency_key=once'],
    ['coming back', 'GET', `/report?resume_key=${KEY}`],
    ['coming back by executeWithSSE()', 'GET', `/execute?resume_key=${KEY}`],
    ['status', 'GET', `/tasks/${ID}`],
    ['result', 'GET', `/tasks/${ID}/result`],
    ['events', 'GET', `/tasks/${ID}/events?resume_key=${KEY}`],
    ['cancel', 'DELETE', `/tasks/${ID}`],
  ];

  it.each(REQUESTS)('is answered with 503 at once: %s', async (_what, method, path) => {
    const server = await start({ store: broken(down), clock: new ManualClock() });
    const bytes = requestBytes(method, path);
    await expectRefused(server, { bytes, method, status: 503, code: 'STORE_UNAVAILABLE', secrets: [KEY, 'ECONN'] });
  });

  it.each(REQUESTS)(
    'is answered with 503 after storeTimeoutMs where it never answers: %s',
    async (_what, method, path) => {
      const clock = new ManualClock();
      const asked: (() => void)[] = [];
      const question = new Promise<void>((resolve) => asked.push(resolve));
      const silent = (): Promise<never> => {
        asked[0]?.();
        return never();
      };
      const server = await start({ store: broken(silent), clock, storeTimeoutMs: 500 });
      const bytes = requestBytes(method, path);
      const refused = expectRefused(server, { bytes, method, status: 503, code: 'STORE_UNAVAILABLE', secrets: [KEY] });
      await question;
      const timers = clock.timers;
      clock.advance(499);
      expect(clock.timers).toBe(timers);
      clock.advance(1);
      await refused;
      expect(server.tasks.getStatistics().running).toBe(0);
    },
  );
});

describe('the options', () => {
  it('of a handler are checked when it is made, and name the option, the rule and the value', () => {
    const tasks = createTaskManager();
    const job = (): void => undefined;
    expect(() => tasks.handler(job, { timeoutMs: 0 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/timeoutMs.*at least 1.*got 0/),
      }),
    );
    expect(() => tasks.handler(job, { abandonAfterMs: -1 })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(/abandonAfterMs.*got -1/) }),
    );
    expect(() => tasks.handler(undefined as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
