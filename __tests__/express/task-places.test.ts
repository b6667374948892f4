import express from 'express';
import { createTaskManager, type TaskManager, type TaskManagerOptions } from '../../lib/index.js';
import {
  listen,
  openStream,
  rawRequest,
  requestBytes,
  type Listening,
  type OpenStream,
} from '../support/http/raw-http.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(options: TaskManagerOptions, path = 'job'): Promise<{ server: Listening; tasks: TaskManager }> {
  const tasks = createTaskManager(options);
  const app = express();
  app.all(
    path === 'job' ? '/job' : /.*/,
    tasks.handler(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
  );
  app.use('/tasks', tasks.router());
  const server = await listen(app);
  closing.push(async () => {
    await tasks.stop();
    await server.close();
  });
  return { server, tasks };
}

async function open(options: TaskManagerOptions, headers: Record<string, string> = {}): Promise<OpenStream> {
  const { server } = await serve(options);
  const stream = await openStream(`${server.url}/job`, { headers });
  closing.unshift(async () => stream.destroy());
  const link = /^<(?<path>[^>]+)>; rel="status"$/.exec(String(stream.headers.link))?.groups?.path;
  if (link === undefined) return stream;
  const cancelled = await fetch(new URL(link, server.url), { method: 'DELETE' });
  expect(cancelled.status).toBe(204);
  return stream;
}

it.each([['/tasks'], ['/tasks/']])('a stream says where its task can be cancelled: %s', async (publicPath) => {
  const stream = await open({ publicPath });
  expect(stream.headers.link).toBe(`</tasks/${String(stream.headers['x-task-id'])}>; rel="status"`);
  const frames = await stream.rest();
  expect(frames.at(-1)?.event).toBe('cancelled');
});

it('an answer 202 says where its task can be cancelled, too', async () => {
  const accepted = await open({ publicPath: '/tasks' }, { Prefer: 'respond-async' });
  expect(accepted.status).toBe(202);
  expect(accepted.headers.link).toBe(`</tasks/${String(accepted.headers['x-task-id'])}>; rel="status"`);
});

it('a stream says where its task is attached to by GET, with its position and without a key in the URL', async () => {
  const { server, tasks } = await serve({ publicPath: '/tasks' });
  const stream = await openStream(`${server.url}/job`, { method: 'POST', body: '{}' });
  const { 'content-location': location, 'x-resume-key': key, 'x-task-id': taskId } = stream.headers;
  expect(location).toBe(`/tasks/${String(taskId)}/events`);
  const again = await openStream(`${server.url}${String(location)}`, {
    headers: { 'Last-Event-ID': `${String(key)}.0` },
  });
  expect([again.status, again.headers['x-task-id'], again.headers['content-location']]).toEqual([
    200,
    taskId,
    location,
  ]);
  await tasks.cancelTask(String(taskId));
  expect((await again.rest()).at(-1)?.event).toBe('cancelled');
});

describe('behind a proxy that cuts a prefix off', () => {
  it('every URL that is named leads through the proxy', async () => {
    const { server, tasks } = await serve({ publicPath: '/api/tasks' });
    const accepted = await openStream(`${server.url}/job`, { headers: { Prefer: 'respond-async' } });
    const { location, link, 'x-task-id': taskId, 'x-resume-key': key } = accepted.headers;
    expect(location).toBe(`/api/tasks/${String(taskId)}/events?resume_key=${String(key)}`);
    expect(link).toBe(`</api/tasks/${String(taskId)}>; rel="status"`);
    const attached = await openStream(`${server.url}${String(location).replace(/^\/api/, '')}`);
    expect(attached.headers['content-location']).toBe(`/api/tasks/${String(taskId)}/events`);
    await tasks.cancelTask(String(taskId));
    await attached.rest();
  });

  it('tasksPath is the older name of publicPath', async () => {
    const { server } = await serve({ tasksPath: '/api/tasks' });
    const accepted = await openStream(`${server.url}/job`, { headers: { Prefer: 'respond-async' } });
    expect(accepted.headers.location).toMatch(/^\/api\/tasks\//);
  });
});

it.each([
  ['http://elsewhere.example/job?year=2026', '/job?year=2026&resume_key='],
  ['//elsewhere.example/job', '/elsewhere.example/job?resume_key='],
  ['/\\elsewhere.example/job', '/elsewhere.example/job?resume_key='],
])('a request for %s puts no foreign host into the answer', async (target, location) => {
  const { server } = await serve({}, 'any');
  const [response] = await rawRequest(server.port, requestBytes('GET', target, { Prefer: 'respond-async' }));
  expect(response?.status).toBe(202);
  expect(response?.headers.location?.startsWith(location)).toBe(true);
});

it('pages of allowed origins may read the link', async () => {
  const origin = 'https://app.example';
  const stream = await open({ publicPath: '/tasks', allowedOrigins: [origin] }, { Origin: origin });
  expect(String(stream.headers['access-control-expose-headers']).split(', ')).toEqual(
    expect.arrayContaining(['Link', 'Content-Location']),
  );
});

it('without a path there is no link', async () => {
  expect((await open({})).headers).not.toHaveProperty('link');
});

it.each(['tasks', '', '/ta sks', '/tasks>; rel="x"', '/tasks\r\nX: 1', 'javascript:alert(1)'])(
  'the path %j is refused',
  (path) => {
    const refused = (name: string): unknown =>
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(name) });
    expect(() => createTaskManager({ publicPath: path })).toThrow(refused('publicPath') as Error);
    expect(() => createTaskManager({ tasksPath: path })).toThrow(refused('tasksPath') as Error);
  },
);
