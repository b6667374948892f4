import type { RequestListener } from 'node:http';
import type { RequestHandler } from 'express';
import { createHub, createTaskManager, type Middleware } from '../lib/index.js';
import { listen } from './support/http/raw-http.js';

/** Compiles only where Node and Express can both use a middleware: `npm run typecheck` is the test. */
describe('the type of a middleware', () => {
  const tasks = createTaskManager();
  const hub = createHub();
  afterAll(async () => {
    await tasks.stop();
    await hub.stop();
  });

  const pass: RequestHandler = (_req, _res, next) => {
    next();
  };
  const all: Middleware[] = [
    tasks.handler(() => 'made'),
    tasks.resume({ slot: () => 'a' }),
    tasks.router(),
    hub.router({ auth: pass, admin: pass }),
  ];

  it('accepts the request and response of Node', async () => {
    const [handler] = all;
    const listener: RequestListener = (req, res) => handler?.(req, res, () => res.destroy());
    const listening = await listen(listener);
    expect(await (await fetch(listening.url)).text()).toContain('"result":"made"');
    await listening.close();
  });

  it('can be mounted by Express, also on a path with parameters', () => {
    const mounted: RequestHandler<{ id: string }, string, object>[] = all;
    expect(mounted).toHaveLength(4);
  });
});
