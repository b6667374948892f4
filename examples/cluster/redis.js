// A Redis to try things with: the one in REDIS_URL, or a new one on a free port, which keeps nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HOW_TO_GET_ONE = `There is no redis-server, and REDIS_URL is not set. One of these helps:
  apt install redis-server    or    brew install redis
  docker run --rm -p 6379:6379 redis    and    REDIS_URL=redis://127.0.0.1:6379 npm run demo:cluster`;

/** @returns {Promise<{ url: string, stop: () => void }>} */
export async function openRedis() {
  const { REDIS_URL } = process.env;
  if (REDIS_URL !== undefined) return { url: REDIS_URL, stop: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'resumable-sse-redis-'));
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  const stop = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await once(child, 'spawn');
  } catch {
    stop();
    throw new Error(HOW_TO_GET_ONE);
  }
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`redis-server ended (${child.exitCode}) before it was up`);
    await sleep(20);
  }
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}

async function takesConnections(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
