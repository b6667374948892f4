// A server that puts middlewares before one handler, and the requests and readers of its stream.
import { once } from 'node:events';
import express from 'express';
import { createTaskManager, problemHandler } from '../../../dist/esm/index.js';

export const EVENTS = 60;

export function start(url, key, text, signal) {
  let form;
  if (text !== undefined) {
    form = new FormData();
    form.set('year', '2026');
    form.set('file', new Blob([text]), 'file.txt');
  }
  const headers = {
    ...{ Accept: 'text/event-stream', Cookie: 'csrf=token', 'X-CSRF-Token': 'token' },
    ...(key !== undefined && { 'Idempotency-Key': key }),
  };
  return fetch(url, { method: 'POST', headers, ...(form && { body: form }), ...(signal && { signal }) });
}

export async function* idsOf(response) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('id: ')) yield line.slice(4);
  }
}

export async function allOf(response) {
  const ids = [];
  for await (const id of idsOf(response)) ids.push(id);
  return ids;
}

/** Reads the ids of a stream whose connection may be cut after the last event. */
export async function eventsOf(response) {
  const ids = [];
  try {
    for await (const id of idsOf(response)) ids.push(id);
  } catch {
    // what came before counts
  }
  return ids;
}

export async function serve(t, middlewares, options = {}) {
  const errors = [];
  let calls = 0;
  const tasks = createTaskManager(options);
  const app = express();
  app.use(...middlewares);
  app.all(
    '/report',
    tasks.handler(async ({ updateProgress }) => {
      calls++;
      for (let n = 0; n < EVENTS; n++) {
        await updateProgress({ n });
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }),
  );
  app.use(problemHandler);
  app.use((error, _req, res, _next) => {
    errors.push(error);
    if (!res.headersSent) res.status(error.status ?? 500).end();
  });
  const server = app.listen(0);
  await once(server, 'listening');
  t.after(async () => {
    await tasks.stop();
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/report`, tasks, errors, calls: () => calls };
}
