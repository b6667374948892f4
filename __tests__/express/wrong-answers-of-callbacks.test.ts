import express from 'express';
import { createHub, createTaskManager } from '../../lib/index.js';
import { bareRequest } from '../support/http/bare-request.js';
import { listen, openStream } from '../support/http/raw-http.js';
import { useTaskServers } from '../support/servers/task-server.js';

const start = useTaskServers();
const closing: (() => Promise<unknown>)[] = [];
let warn: jest.SpyInstance;

beforeEach(() => {
  warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
});

afterEach(async () => {
  warn.mockRestore();
  for (const close of closing.splice(0)) await close();
});

/** The one warning that an answer of this callback causes. */
const warningOf = (callback: string): unknown[] => [
  [expect.stringContaining(callback), expect.objectContaining({ detail: `in ${callback}` })],
];

const NOBODY: [what: string, value: unknown][] = [
  ['null', null],
  ['an empty string', ''],
  ['false', false],
  ['a number', 7],
  ['an object', { id: 7 }],
  ['a text without end', 'x'.repeat(257)],
  ['half a character', '\ud800'],
];

describe('a wire whose fold is none', () => {
  it.each([null, '', false, 0, 7, {}, { add: () => undefined }])('is a 500, and nothing starts: %j', async (fold) => {
    const frame = (): string => 'data: 1\n\n';
    const wire = { name: 'own', event: frame, end: frame, gap: frame, snapshot: frame, fold: () => fold as never };
    const server = await start({ handler: { wire } });
    expect((await server.open('/report')).status).toBe(500);
    expect(server.tasks.getStatistics().started).toBe(0);
    expect(warn.mock.calls).toEqual(warningOf('wire.fold'));
  });
});

describe.each(NOBODY)('where an application says that %s', (_what, value) => {
  it('owns a request, the answer is 500, nothing starts, and a warning names the callback', async () => {
    const server = await start({ owner: () => value as string });
    for (const path of ['/report', '/execute', '/tasks']) expect((await server.open(path)).status).toBe(500);
    expect(server.job.calls).toBe(0);
    expect(server.tasks.getStatistics().started).toBe(0);
    expect(warn.mock.calls.slice(0, 1)).toEqual(warningOf('owner'));
  });

  it('identifies a subscriber, the answer is 500, nothing starts, and a warning names the callback', async () => {
    const server = await start({ handler: { subscriberId: () => value as string } });
    expect((await server.open('/report')).status).toBe(500);
    expect(server.job.calls).toBe(0);
    expect(warn.mock.calls).toEqual(warningOf('subscriberId'));
  });

  it('identifies the subscriber of executeWithSSE, the call is refused and nothing starts', async () => {
    if (value === null) return; // stands for nobody there
    const server = await start();
    const call = server.tasks.executeWithSSE(bareRequest(), null, value as string, () => 1);
    await expect(call).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(server.tasks.getStatistics().started).toBe(0);
  });

  it('names the slot of a start, or of a task that is resumed, the answer is 500', async () => {
    const slot = (): string => value as string;
    const resume = createTaskManager().resume({ slot });
    const server = await start({ handler: { slot }, use: (app) => app.get('/resume', resume) });
    for (const path of ['/report', '/resume']) {
      expect((await server.open(path)).status).toBe(500);
      expect(warn.mock.calls.splice(0)).toEqual(warningOf('slot'));
    }
    expect(server.job.calls).toBe(0);
  });

  it('identifies a user of the hub, the answer is 500, nothing starts, and a warning names the callback', async () => {
    const hub = createHub();
    const app = express();
    const pass = (_req: unknown, _res: unknown, next: () => void): void => {
      next();
    };
    app.use('/hub', hub.router({ auth: pass, admin: pass, userId: () => value as string }));
    app.get('/news', (req, res) => {
      hub.connect(req, res, { userId: value as string });
    });
    const server = await listen(app);
    closing.push(() => server.close());
    for (const path of ['/hub/connect', '/news']) expect((await openStream(`${server.url}${path}`)).status).toBe(500);
    expect(warn.mock.calls).toEqual(warningOf('userId'));
    expect(hub.getStatistics().totalConnections).toBe(0);
  });
});

describe('a callback', () => {
  it.each([
    ['owner that rejects', { owner: () => Promise.reject(new Error('down')) }],
    ['subscriberId that returns a promise', { handler: { subscriberId: () => Promise.resolve('ann') as never } }],
    ['subscriberId that rejects', { handler: { subscriberId: () => Promise.reject(new Error('no')) as never } }],
    ['input that throws', { handler: { input: () => JSON.parse('{') as unknown } }],
  ])('causes a 500 and starts nothing: %s', async (_what, options) => {
    const server = await start(options);
    expect((await server.open('/report')).status).toBe(500);
    expect(server.job.calls).toBe(0);
  });

  it.each([1, 'yes', null, undefined, {}])('named authorize lets nobody in by answering %j', async (answer) => {
    const server = await start({ router: { authorize: () => answer as boolean } });
    const { context } = await server.begin();
    expect((await server.open(`/tasks/${context.taskId}`)).status).toBe(500);
    expect((await server.open(`/tasks/${context.taskId}`, { method: 'DELETE' })).status).toBe(500);
    expect(await server.tasks.getTaskInfo(context.taskId)).toMatchObject({ status: 'running' });
  });
});

describe('an option that does not exist, or has a wrong value, is refused by its name', () => {
  const tasks = createTaskManager();
  const hub = createHub();
  const pass = (): void => undefined;
  const job = (): void => undefined;

  it.each<[name: string, make: () => unknown]>([
    ['authorise', () => tasks.router({ authorise: pass } as never)],
    ['authorize', () => tasks.router({ authorize: 5 } as never)],
    ['timeoutms', () => tasks.handler(job, { timeoutms: 5 } as never)],
    ['snapshot', () => tasks.handler(job, { snapshot: 5 } as never)],
    ['snapshot.reducer', () => tasks.handler(job, { snapshot: { initial: pass, reduce: pass, reducer: 1 } } as never)],
    ['snapshot.reduce', () => tasks.handler(job, { snapshot: { initial: pass } } as never)],
    ['payload', () => tasks.handler(job, { payload: 'body' } as never)],
    ['user', () => hub.router({ auth: pass, admin: pass, user: pass } as never)],
    ['userId', () => hub.router({ auth: pass, admin: pass, userId: 'ann' } as never)],
    ['heartbeatMS', () => createHub({ heartbeatMS: 5 } as never)],
    ['log', () => createHub({ log: {} } as never)],
    ['connected', () => hub.on('connected' as never, pass)],
    ['listener', () => hub.on('connect', 5 as never)],
    ['the name of the room', () => hub.publish(undefined as never, { data: 1 })],
    ['the name of the user', () => hub.sendToUser(7 as never, { data: 1 })],
  ])('%s', (name, make) => {
    const refusal = { code: 'INVALID_OPTION', message: expect.stringContaining(name) as string };
    expect(make).toThrow(expect.objectContaining(refusal));
  });
});
