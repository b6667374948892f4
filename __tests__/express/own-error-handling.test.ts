import express from 'express';
import { createTaskManager, TaskError } from '../../lib/index.js';
import { listen, openStream } from '../support/http/raw-http.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe("an application that leaves errors to Express's own handler", () => {
  it('answers a start over the limit with 503, Retry-After and nothing to cache', async () => {
    const tasks = createTaskManager({ maxRunningTasks: 1 });
    const app = express();
    app.get('/report', async (req, res, next) => {
      try {
        const stream = await tasks.executeWithSSE(req, undefined, undefined, () => new Promise(() => undefined));
        await stream.pipe(res);
      } catch (error) {
        next(error);
      }
    });
    const server = await listen(app);
    closing.push(
      () => tasks.stop(),
      () => server.close(),
    );
    const first = await openStream(`${server.url}/report`);
    const second = await openStream(`${server.url}/report`);
    expect(second.status).toBe(503);
    expect(second.headers['retry-after']).toMatch(/^[1-5]$/);
    expect(second.headers['cache-control']).toBe('no-store');
    first.destroy();
  });

  it('answers an unknown resume key with 404', async () => {
    const app = express();
    app.get('/report', (_req, _res, next) => {
      next(new TaskError('TASK_NOT_FOUND', 'There is no such task'));
    });
    const server = await listen(app);
    closing.push(() => server.close());
    expect((await openStream(`${server.url}/report`)).status).toBe(404);
  });
});
