// A nats-server of the benchmark's own, and connections to it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { connect } from '@nats-io/transport-node';

const DEBIAN = '/usr/sbin/nats-server';

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when it takes connections. */
export async function startNats() {
  const port = await freePort();
  const args = ['--addr', '127.0.0.1', '--port', String(port)];
  const child = spawn(existsSync(DEBIAN) ? DEBIAN : 'nats-server', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => text.includes('Server is ready') && resolve());
    child.once('error', reject);
  });
  const stop = async () => {
    process.off('exit', killChild);
    child.kill();
    await once(child, 'exit');
  };
  return { servers: `127.0.0.1:${port}`, stop };
}

export const open = (servers) => connect({ servers });
