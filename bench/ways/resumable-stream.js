// resumable-stream, whose readers are fed through Redis: what Redis itself takes is not counted.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis5';
import { createResumableStreamContext } from 'resumable-stream/generic';
import { freePort } from '../harness/free-port.js';
import { KEY } from './key.js';

/** A server of its own, which goes when this process does. */
async function startRedis() {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'bench-redis-'));
  const redis = spawn('redis-server', ['--port', `${port}`, '--save', '', '--dir', dir], { stdio: 'ignore' });
  redis.on('error', () => {}); // not installed: the connection says so
  process.on('exit', () => {
    redis.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
  });
  const clients = [1, 2].map(() => new Redis(port, { retryStrategy: (times) => (times > 50 ? null : 50) }));
  for (const client of clients) client.on('error', () => {});
  await Promise.all(clients.map((client) => client.ping())); // waits until the server is there
  return clients;
}

export async function createContext() {
  const [publisher, subscriber] = await startRedis();
  return createResumableStreamContext({ publisher, subscriber, waitUntil: () => {} });
}

/**
 * It waits one second for a stream's first chunk, which cannot be set: a machine that stands still for longer turns readers
 * away. They ask again, as a browser would, and it is said, since the producer goes on publishing to those who are gone.
 */
export async function askAgain(open, attempts = 5) {
  try {
    return await open();
  } catch (error) {
    if (attempts === 1 || !/waiting for ack/.test(error?.message)) throw error;
    console.error('resumable-stream turned a reader away after a second, and was asked again: its figures say less');
    return askAgain(open, attempts - 1);
  }
}

export async function resumableStream({ each }) {
  const context = await createContext();
  const sources = [];
  let streams = 0;

  /** What its first reader starts. */
  const makeStream = () =>
    new ReadableStream({
      start(controller) {
        let seq = 0;
        sources.push((data) => controller.enqueue(`data: ${JSON.stringify(data)}\nid: ${KEY}.${++seq}\n\n`));
      },
    });

  return {
    sources,
    async handle(_, res) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      const id = each ? `s${++streams}` : 's';
      const stream = await askAgain(() => context.resumableStream(id, makeStream));
      res.flushHeaders();
      for await (const frames of stream) if (frames !== '') res.write(frames);
    },
    broadcast: (data) => sources[0](data),
  };
}
