// The demo on two instances behind a proxy, with Redis between them. `npm run demo:cluster`, open the URL, start an
// import, and `kill -9` the instance that runs it. ON_LOST=restart: another one goes on with it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createProxy } from './proxy.js';
import { openRedis } from './redis.js';

const DEMO = fileURLToPath(new URL('../demo/server.js', import.meta.url));
/** So long after its death an instance is missed: shorter than the default, so that one need not wait. */
const LEASE_MS = '3000';
/** A dead instance is replaced after this, as an orchestrator would. */
const REPLACE_MS = 1_000;

const { PORT = '3000', HOST = '127.0.0.1', ON_LOST = 'fail' } = process.env;
const uploads = mkdtempSync(join(tmpdir(), 'resumable-sse-cluster-'));
/** @type {Map<string, { name: string, pid: number, port: number, child: import('node:child_process').ChildProcess }>} */
const instances = new Map();
let stopping = false;

const redis = await openRedis().catch(({ message }) => {
  console.error(message);
  rmSync(uploads, { recursive: true, force: true });
  process.exit(1);
});
process.once('exit', () => {
  for (const { child } of instances.values()) child.kill('SIGKILL');
  redis.stop();
  rmSync(uploads, { recursive: true, force: true });
});

const env = { ...process.env, PORT: '0', HOST: '127.0.0.1', REDIS_URL: redis.url, UPLOADS: uploads, LEASE_MS, ON_LOST };

async function start(name) {
  const child = spawn(process.execPath, [DEMO], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /http:\/\/[^\s/]+:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stdout.resume(); // what it prints from now on must not fill the pipe
    instances.set(name, { name, pid: child.pid ?? 0, port: Number(port), child });
    console.log(`instance ${name}: kill -9 ${child.pid}`);
    void replace(name, child);
    return;
  }
  throw new Error(`instance ${name} ended before it was up`);
}

async function replace(name, child) {
  const [code, signal] = await once(child, 'exit');
  instances.delete(name);
  if (stopping) return;
  console.log(`instance ${name} is gone (${signal ?? code}); there will be another one in ${REPLACE_MS / 1_000} s`);
  await sleep(REPLACE_MS);
  if (!stopping) await start(name);
}

await Promise.all(['1', '2'].map(start));
const proxy = createProxy(() => [...instances.values()].sort((a, b) => a.port - b.port));
proxy.listen(Number(PORT), HOST, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
  console.log(`resumable-sse on two instances, onLost: '${ON_LOST}': http://${HOST}:${port}  (Ctrl+C stops all)`);
});

process.once('SIGTERM', stop).once('SIGINT', stop);

async function stop() {
  stopping = true;
  const children = [...instances.values()].map(({ child }) => child);
  const gone = children.map((child) => once(child, 'exit'));
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(gone);
  process.exit(0);
}
