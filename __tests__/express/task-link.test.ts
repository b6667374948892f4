import express from 'express';
import { createTaskManager, type TaskManagerOptions } from '../../lib/index.js';
import { listen, openStream, type OpenStream } from '../support/raw-http.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(options: TaskManagerOptions, headers: Record<string, string> = {}): Promise<OpenStream> {
  const tasks = createTaskManager(options);
  const app = express();
  app.get(
    '/job',
    tasks.handler(({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve))),
  );
  app.use('/tasks', tasks.router());
  const server = await listen(app);
  closing.push(async () => {
    await tasks.stop();
    await server.close();
  });
  const stream = await openStream(`${server.url}/job`, { headers });
  closing.unshift(async () => stream.destroy());
  const link = /^<(?<path>[^>]+)>; rel="status"$/.exec(String(stream.headers.link))?.groups?.path;
  if (link === undefined) return stream;
  const cancelled = await fetch(new URL(link, server.url), { method: 'DELETE' });
  expect(cancelled.status).toBe(204);
  return stream;
}

it.each([['/tasks'], ['/tasks/']])('a stream says where its task can be cancelled: %s', async (tasksPath) => {
  const stream = await open({ tasksPath });
  expect(stream.headers.link).toBe(`</tasks/${String(stream.headers['x-task-id'])}>; rel="status"`);
  const frames = await stream.rest();
  expect(frames.at(-1)?.event).toBe('cancelled');
});

it('an answer 202 says the same', async () => {
  const accepted = await open({ tasksPath: '/tasks' }, { Prefer: 'respond-async' });
  expect(accepted.status).toBe(202);
  expect(accepted.headers.link).toBe(`</tasks/${String(accepted.headers['x-task-id'])}>; rel="status"`);
});

it('pages of allowed origins may read it', async () => {
  const origin = 'https://app.example';
  const stream = await open({ tasksPath: '/tasks', allowedOrigins: [origin] }, { Origin: origin });
  expect(String(stream.headers['access-control-expose-headers']).split(', ')).toContain('Link');
});

it('without a path there is no link', async () => {
  expect((await open({})).headers).not.toHaveProperty('link');
});

it.each(['tasks', '', '/ta sks', '/tasks>; rel="x"', '/tasks\r\nX: 1', 'javascript:alert(1)'])(
  'the path %j is refused',
  (tasksPath) => {
    expect(() => createTaskManager({ tasksPath })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  },
);
