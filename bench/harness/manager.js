// A manager and its tasks, started by real requests to a real server.
import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { createTaskManager } from '../../dist/esm/index.js';

export { createTaskManager };

export async function listen(server) {
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', 4_096);
  await once(server, 'listening');
  return server.address().port;
}

/** Resolves with what `job(context)` resolves with: a task of `manager`, started by a request, with nobody attached. */
export async function runDetached(manager, job) {
  let settle;
  const outcome = new Promise((resolve, reject) => (settle = { resolve, reject }));
  const watched = (context) => job(context).then(settle.resolve, settle.reject);
  const server = createServer((req, res) => {
    manager.startTask(req, watched).then(() => res.writeHead(202).end(), settle.reject);
  });
  const port = await listen(server);
  request({ port, host: '127.0.0.1', method: 'POST', agent: false }, (res) => res.resume()).end();
  try {
    return await outcome;
  } finally {
    server.close();
  }
}
