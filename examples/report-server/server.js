// The shortest use: one handler around a long job. Open /report with curl -N or a plain `new EventSource('/report')`.
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { createTaskManager } from 'resumable-sse';

const tasks = createTaskManager();
const app = express();

async function buildReport({ signal }, taskId, updateProgress) {
  for (let step = 1; step <= 20; step++) {
    await sleep(50, undefined, { signal }); // the work; it stops when the task is cancelled
    await updateProgress({ step, total: 20 });
  }
  return { pages: 20 };
}

app.get('/report', tasks.handler(buildReport));

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error;
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`http://127.0.0.1:${port}/report`);
});

process.once('SIGTERM', async () => {
  await tasks.stop();
  server.close();
});
