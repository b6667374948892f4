// A nats-server of the benchmark's own, and connections to it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from '@nats-io/transport-node';
import { freePort } from './free-port.js';

const DEBIAN = '/usr/sbin/nats-server';

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
