/** Requests whose response belongs to middlewares that throw, return nothing, or have answered already. */
import { once } from 'node:events';
import http from 'node:http';
import type { Express, RequestHandler, Response } from 'express';
import { TaskError } from '../../lib/index.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { openStream } from '../support/http/raw-http.js';
import { useTaskServers, type TaskServer } from '../support/servers/task-server.js';

const start = useTaskServers();
const fail = (): never => {
  throw new Error('A middleware that fails');
};
const on =
  (path: string, change: (res: Response) => void) =>
  (app: Express): unknown =>
    app.use(((req, res, next) => {
      if (req.path === path) change(res);
      next();
    }) as RequestHandler);

/** The paths whose error came to the application's own error handler, which asks for a 500. Express's would cut them. */
const handedOn: string[] = [];
function note(path: string, res: Response): void {
  const status = res.status.bind(res) as (code: number) => Response;
  res.status = ((code: number) => {
    if (code === 500) handedOn.push(path);
    return status(code);
  }) as typeof res.status;
}

let guard: ProcessGuard;
let warn: jest.SpyInstance;
beforeEach(() => {
  handedOn.length = 0;
  warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
  guard = new ProcessGuard();
});
afterEach(async () => {
  await new Promise(setImmediate);
  expect(guard.take()).toEqual([]);
  guard.close();
  warn.mockRestore();
});

const readFrom = async (server: TaskServer, path: string): Promise<string> => (await server.open(path)).text();

describe('A response that throws is cut, and the process is told', () => {
  it.each(['end', 'setHeader'] as const)('in %s, when it is refused', async (name) => {
    const server = await start({ use: on('/report', (res) => Object.assign(res, { [name]: fail })) });
    await expect(server.open('/report?resume_key=no')).rejects.toThrow('socket hang up');
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('A middleware that fails'), expect.anything());
  });

  it.each(['end', 'write', 'writeHead'] as const)('in %s, when part of a stream is asked for', async (name) => {
    const server = await start({ use: on('/report', (res) => Object.assign(res, { [name]: fail })) });
    await expect(readFrom(server, '/report?wait=0')).rejects.toThrow(/socket hang up|aborted/);
    expect(server.tasks.getStatistics()).toMatchObject({ running: 0, connections: 0 });
  });

  it.each(['/report?resume_key=no', '/report?wait=0', '/tasks/no'])('in a promise of end: %s', async (path) => {
    const late = (): Promise<never> => Promise.reject(new Error('A middleware that fails'));
    const server = await start({ use: on(path.replace(/\?.*/, ''), (res) => Object.assign(res, { end: late })) });
    await expect(readFrom(server, path)).rejects.toThrow(/socket hang up|aborted/);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('A middleware that fails'), expect.anything());
  });

  it('in end, when it has waited for an event', async () => {
    const server = await start({ use: on('/execute', (res) => Object.assign(res, { end: fail })) });
    const { context } = await server.begin();
    const waiting = readFrom(server, `/execute?wait=20&resume_key=${context.resumeKey}`);
    const cut = expect(waiting).rejects.toThrow(/socket hang up|aborted/);
    while ((await server.tasks.getTaskInfo(context.taskId)).subscribers === 0) await new Promise(setImmediate);
    await context.updateProgress(1);
    await cut;
    expect(await server.tasks.getTaskInfo(context.taskId)).toMatchObject({ subscribers: 0 });
  });

  it.each([{}, { Prefer: 'respond-async' }])(
    'in writeHead, and a task nobody was told of ends (%j)',
    async (headers) => {
      const server = await start({ use: on('/report', (res) => Object.assign(res, { writeHead: fail })) });
      await expect(server.open('/report', { headers })).rejects.toThrow('socket hang up');
      expect(server.tasks.getStatistics()).toMatchObject({ started: 1, running: 0, cancelled: 1 });
    },
  );
});

describe('A response whose off fails', () => {
  it.each([fail, () => Promise.reject(new Error('A middleware that fails'))])('carries its stream: %p', async (off) => {
    const server = await start({ use: on('/report', (res) => Object.assign(res, { off })) });
    const { finish } = await server.begin();
    finish('done');
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('A middleware that fails'), expect.anything());
  });
});

describe('A response whose writeHead returns nothing', () => {
  const use = (app: Express): unknown =>
    app.use((req, res, next) => {
      note(req.path, res);
      const writeHead = res.writeHead.bind(res) as (...given: unknown[]) => unknown;
      res.writeHead = ((...given: unknown[]) => void writeHead(...given)) as never;
      next();
    });

  it('answers 204 at the end of a stream, to OPTIONS and to a cancel', async () => {
    const server = await start({ use });
    const { context, finish } = await server.begin();
    expect((await server.open('/report', { method: 'OPTIONS' })).status).toBe(204);
    finish('done');
    while ((await server.tasks.getTaskInfo(context.taskId)).status === 'running') await new Promise(setImmediate);
    const headers = { 'Last-Event-ID': `${context.resumeKey}.1` };
    expect((await server.open('/report', { headers })).status).toBe(204);
    const other = await server.begin();
    expect((await server.open(`/tasks/${other.context.taskId}`, { method: 'DELETE' })).status).toBe(204);
    expect(handedOn).toEqual([]);
  });
});

describe('A request that a time-out has answered', () => {
  /** Answers 503 at once, or as soon as the returned function is called. */
  const get = async (agent: http.Agent, url: string, method = 'GET'): Promise<[number | undefined, unknown]> => {
    const [response] = (await once(http.request(url, { agent, method }).end(), 'response')) as [http.IncomingMessage];
    const { socket } = response;
    response.resume();
    await once(response, 'end');
    return [response.statusCode, socket];
  };
  const METHODS_AND_PATHS: [method: string, path: string][] = [
    ['GET', '/report'],
    ['OPTIONS', '/report'],
    ['GET', '/tasks'],
    ['GET', '/tasks/019a0000-0000-7000-8000-000000000000'],
    ['DELETE', '/tasks/019a0000-0000-7000-8000-000000000000'],
  ];

  it.each(METHODS_AND_PATHS)('before it came here leaves its connection alone: %s %s', async (method, path) => {
    const server = await start({
      allowedOrigins: ['https://app.example'],
      use: (app) =>
        app.use((req, res, next) => {
          note(req.path, res);
          if (req.path === '/ping') res.end('pong');
          else next(void res.status(503).end('too late'));
        }),
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const [status, socket] = await get(agent, `${server.url}${path}`, method);
    const [next, same] = await get(agent, `${server.url}/ping`);
    expect([status, next, same === socket, handedOn]).toEqual([503, 200, true, []]);
    agent.destroy();
  });

  it.each<[string, (settle: { resolve: (owner: string) => void; reject: (error: Error) => void }) => void]>([
    ['answers', ({ resolve }) => resolve('ann')],
    ['fails', ({ reject }) => reject(new Error('The database is away'))],
  ])('while its owner is looked up leaves its connection alone when that %s', async (_what, settle) => {
    for (const [method, path] of METHODS_AND_PATHS.filter(([asked]) => asked !== 'OPTIONS')) {
      let admit: Parameters<typeof settle>[0] | undefined;
      let asked: (() => void) | undefined;
      const question = new Promise<void>((resolve) => (asked = resolve));
      const server = await start({
        owner: () =>
          new Promise((resolve, reject) => {
            admit = { resolve, reject };
            asked?.();
          }),
        use: (app) =>
          app.use((req, res, next) => {
            note(req.path, res);
            if (req.path === '/ping') res.end('pong');
            else next(void question.then(() => res.status(503).end('too late')));
          }),
      });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const [status, socket] = await get(agent, `${server.url}${path}`, method);
      if (admit !== undefined) settle(admit);
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      const [next, same] = await get(agent, `${server.url}/ping`);
      expect([path, status, next, same === socket, handedOn]).toEqual([path, 503, 200, true, []]);
      agent.destroy();
    }
  });
});

describe('An error that is thrown for a request', () => {
  const symbolic = Object.assign(new TaskError('INVALID_INPUT', 'No'), { message: 5n as unknown as string });
  const THROWN: [what: string, thrown: unknown, status: number][] = [
    ['a TaskError with a header that breaks the line', headed('a\nb'), 400],
    ['a TaskError with a header that is nothing', headed(undefined), 400],
    ['a TaskError whose message is no text', symbolic, 500],
    ['what only looks like a TaskError', new Proxy({}, { has: () => true, get: fail }), 500],
    [
      'a TaskError of a class whose headers throw',
      new (class extends TaskError {
        override get headers(): never {
          return fail();
        }
      })('INVALID_INPUT', 'No'),
      500,
    ],
    ['an error whose errors are a revoked list', Object.assign(new Error('No'), { errors: revokedList() }), 500],
  ];

  it.each(THROWN)('is answered: %s', async (_what, thrown, status) => {
    const server = await start({
      owner: () => {
        throw thrown;
      },
    });
    for (const path of ['/report', '/tasks']) expect((await server.open(path)).status).toBe(status);
    expect((await openStream(`${server.url}/execute`)).status).toBe(status);
  });

  function headed(value: unknown): TaskError {
    return new TaskError('INVALID_INPUT', 'No', { headers: { 'X-Hint': value as string } });
  }

  function revokedList(): unknown {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  }
});

describe('A start whose Sec-Fetch-Site is none that a browser sends', () => {
  it.each(['cross-site, cross-site', 'Cross-Site', 'elsewhere'])('is refused: %s', async (site) => {
    const server = await start();
    const headers = { 'Sec-Fetch-Site': site, 'Sec-Fetch-Dest': 'empty' };
    expect((await server.open('/report', { headers })).status).toBe(403);
    expect(server.tasks.getStatistics().started).toBe(0);
  });
});

describe('A response whose write does its work later', () => {
  it.each(['/report?', '/report?wait=0&'])('gets everything before it is ended: %s', async (path) => {
    const writeLater = (res: Response): void => {
      const write = res.write.bind(res);
      res.write = ((frames: string) => new Promise(setImmediate).then(() => write(frames))) as never;
    };
    const server = await start({ use: on('/report', writeLater) });
    const { context, finish } = await server.begin();
    finish('done');
    expect(await readFrom(server, `/execute?resume_key=${context.resumeKey}`)).toMatch('event: complete');
    expect(await readFrom(server, `${path}resume_key=${context.resumeKey}`)).toMatch('event: complete');
  });
});
