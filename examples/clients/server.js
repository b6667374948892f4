// A job that counts, for the clients in this folder: `node examples/clients/server.js`, then run one of them.
import express from 'express';
import { createTaskManager } from 'resumable-sse';

const tasks = createTaskManager({ retryMs: 20, onTaskError: () => undefined });
const app = express();

app.get(
  '/count',
  tasks.handler(async ({ updateProgress, input }) => {
    const total = Number(input.query.total ?? 100);
    for (let step = 1; step <= total; step++) {
      await updateProgress({ step, text: 'zwölf Boxkämpfer 🥊\n' });
      if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return { total, started: tasks.getStatistics().started };
  }),
);
app.get(
  '/fail',
  tasks.handler(() => Promise.reject(new Error('never shown'))),
);

const { PORT: port = '3000', HOST: host = '127.0.0.1' } = process.env;
const server = app.listen(Number(port), host, () => {
  const { port: bound } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`counting at http://${host}:${bound}/count`);
});

process.once('SIGTERM', async () => {
  await tasks.stop();
  server.close(() => process.exit(0));
});
