// Starts an example's server on a free port, as a process of its own, for the checks.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Resolves as soon as the server has printed its URL: `upAt` is that moment, `printed` what it has printed until then,
 * `stop` sends SIGTERM and resolves with the exit code, or with the signal that ended the process.
 *
 * @param {URL} file
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function startServer(file, env = {}) {
  const child = spawn(process.execPath, [fileURLToPath(file)], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killChild = () => child.kill('SIGKILL');
  process.once('exit', killChild); // a check that throws leaves no server behind
  const exited = once(child, 'exit').finally(() => process.off('exit', killChild));

  const printed = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    const origin = /http:\/\/[^\s/]+/.exec(line)?.[0];
    if (origin === undefined) continue;
    child.stdout.resume(); // what it prints from now on must not fill the pipe
    const stop = async () => {
      child.kill('SIGTERM');
      const [code, signal] = await exited;
      return code ?? signal;
    };
    return { origin, upAt: performance.now(), printed, stop };
  }
  const [code, signal] = await exited;
  throw new Error(`${fileURLToPath(file)} ended (${code ?? signal}) before it was up`);
}
