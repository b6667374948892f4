// Processes of an example, for the checks: what they print is what they say.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HOW_TO_GET_NATS } from './connect-nats.js';

/** Starts `command`; `heard` resolves with the next line that matches. What a check leaves running is killed with it. */
function startProcess(command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild);
  const exited = once(child, 'exit').finally(() => process.off('exit', killChild));
  const lines = [];
  let wake = () => {};
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      wake();
    });
  }
  let gone = false;
  exited.then(() => {
    gone = true;
    wake();
  });

  const heard = async (pattern) => {
    for (;;) {
      const index = lines.findIndex((line) => pattern.test(line));
      if (index !== -1) return pattern.exec(lines.splice(0, index + 1)[index]);
      if (gone) throw new Error(`${args[0]} ended without saying ${pattern}:\n${lines.join('\n')}`);
      await new Promise((resolve) => (wake = () => resolve(undefined)));
    }
  };
  const kill = async (signal) => {
    child.kill(signal);
    await exited;
  };
  return { heard, kill };
}

export const startScript = (url, env) => startProcess(process.execPath, [fileURLToPath(url)], env);

/** The NATS of `NATS_URL`, else one of our own on a free port. @throws where there is none at all */
export async function startNats() {
  if (process.env.NATS_URL !== undefined) return { url: process.env.NATS_URL, stop: async () => {} };
  const binary = ['nats-server', '/usr/sbin/nats-server'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (binary === undefined) throw new Error(`nats-server is missing, and NATS_URL is not set. ${HOW_TO_GET_NATS}`);
  const port = await freePort();
  const server = startProcess(binary, ['--addr', '127.0.0.1', '--port', String(port)]);
  await server.heard(/Server is ready/);
  return { url: `nats://127.0.0.1:${port}`, stop: () => server.kill('SIGKILL') };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
