// A server as an application has it: one handler with a slot, one resume route, the router.
import { once } from 'node:events';
import express from 'express';
import { createTaskManager } from '../../../dist/esm/index.js';

/** @param valuesOf what a run of the chat yields */
export async function startChatServer(wire, valuesOf, options = {}) {
  const { publicPath, pace = () => undefined, ...managerOptions } = options;
  const tasks = createTaskManager({ retryMs: 1, publicPath, onTaskError: () => undefined, ...managerOptions });
  let jobs = 0;
  const app = express();
  const slot = ({ params, body }) => params.id ?? body?.id ?? body?.threadId;
  app.post(
    '/api/chat',
    express.json(),
    tasks.handler(
      async ({ signal, updateProgress, input }) => {
        jobs++;
        for (const value of await valuesOf(input.body, signal)) {
          if (signal.aborted) return;
          await updateProgress(value);
          await pace();
        }
        return { done: true };
      },
      { wire, slot },
    ),
  );
  app.all('/api/chat/:id/stream', tasks.resume({ slot }));
  app.use('/tasks', tasks.router());
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    tasks,
    port: server.address().port,
    url: `http://127.0.0.1:${server.address().port}`,
    get jobs() {
      return jobs;
    },
    async close() {
      await tasks.stop();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Every few events a turn of the event loop, so that clients follow live as well as replay. */
export const paced =
  (random, every = 3) =>
  async () => {
    if (random.int(1, every) === 1) await new Promise((resolve) => setImmediate(resolve));
  };
