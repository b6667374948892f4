// An agent that AG-UI's HttpAgent talks to, unmodified, over a connection that is cut in the middle.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { resumableFetch } from '../../dist/esm/client/index.js';
import { createTaskManager } from '../../dist/esm/index.js';

const cwd = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(`${cwd}node_modules/@ag-ui/client`)) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd, stdio: 'inherit' });
  assert.equal(status, 0, 'npm ci failed');
}
const { HttpAgent } = await import('@ag-ui/client');

const WORDS = 'A run is written once, into a log, and read as often as somebody asks for it. '.split(/(?<= )/);
const tasks = createTaskManager({ publicPath: '/tasks', retryMs: 50 });
let jobs = 0;

/** The frame of the run, RUN_STARTED and RUN_FINISHED, is the wire's. */
async function* runAgent() {
  jobs++;
  const messageId = 'answer';
  yield { type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' };
  for (let n = 0; n < 20; n++) {
    for (const delta of WORDS) {
      yield { type: 'TEXT_MESSAGE_CONTENT', messageId, delta };
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  yield { type: 'TEXT_MESSAGE_END', messageId };
}

const app = express();
app.post('/agent', express.json(), tasks.handler(runAgent, { wire: 'ag-ui', slot: ({ body }) => body.threadId }));
app.use('/tasks', tasks.router());
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const sockets = new Set();
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});

let cuts = 0;
const cutting = setInterval(() => {
  for (const socket of sockets) {
    socket.resetAndDestroy();
    cuts++;
  }
}, 150);
try {
  const agent = new HttpAgent({ url: `http://127.0.0.1:${server.address().port}/agent`, fetch: resumableFetch() });
  await agent.runAgent();
  const { content } = agent.messages.at(-1);
  assert.equal(content, WORDS.join('').repeat(20));
  assert.equal(jobs, 1);
  assert.ok(cuts > 0);
  console.log(`${content.length} characters over ${cuts} cuts, one run`);
} finally {
  clearInterval(cutting);
  await tasks.stop();
  server.close();
  server.closeAllConnections();
}
