// `npm run demo`: builds the library where it has changed, finds a free port, starts the server, and starts it again when
// it dies, as PM2 or systemd would. Jobs outlive that in a database; `-- --memory` does without.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildIfStale } from './build.js';

const SERVER = fileURLToPath(new URL('./server.js', import.meta.url));
/** Rows are read as a stream, so that a file of any size needs no more than this, in MiB. */
const SMALL_HEAP = ['--max-semi-space-size=2', '--max-old-space-size=96'];
const PORTS_TRIED = 50;
/** A server that dies sooner than this is not killed by a visitor, but broken. */
const LEAST_LIFE_MS = 1_000;
const LONGEST_PAUSE_MS = 5_000;
/** So long after the server's death its jobs go on: shorter than the default, so that one need not wait. */
const LEASE_MS = '1500';

const { HOST = '127.0.0.1', PORT = '3000' } = process.env;

if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) fail(`PORT is a number from 0 to 65535, not "${PORT}".`);
await buildIfStale().catch(({ message }) => fail(message));
const port = await freePort(Number(PORT)).catch(({ message }) => fail(message));
const folder = mkdtempSync(join(tmpdir(), 'resumable-sse-demo-'));
const uploads = join(folder, 'uploads');
mkdirSync(uploads);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const inRedis = process.env.REDIS_URL !== undefined;
const inFile = !inRedis && !process.argv.includes('--memory') && canResolve('resumable-sse/sqlite');
const env = {
  LEASE_MS,
  ON_LOST: 'restart',
  ...process.env,
  HOST,
  PORT: String(port),
  UPLOADS: uploads,
  ...(inFile && { DATABASE: join(folder, 'tasks.db') }),
};

/** @type {import('node:child_process').ChildProcess | undefined} */
let server;
let stopping = false;
process.on('SIGTERM', stop).on('SIGINT', stop);

for (let pauseMs = 0; ;) {
  const startedAt = performance.now();
  // A group of its own: Ctrl+C is for this process, which passes it on once. The channel tells the server of our death.
  server = spawn(process.execPath, [...SMALL_HEAP, SERVER], {
    env,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [code, signal] = await once(server, 'exit');
  if (stopping || code === 0) process.exit(code ?? 0);
  const lived = performance.now() - startedAt;
  if (lived < LEAST_LIFE_MS && signal === null) fail(`The server ended (${code}) as soon as it had begun.`);
  pauseMs = lived < LEAST_LIFE_MS ? Math.min(LONGEST_PAUSE_MS, pauseMs * 2 + 100) : 0;
  console.log(`The server is gone (${signal ?? code}); it starts again.`);
  await sleep(pauseMs);
}

function stop() {
  stopping = true;
  server?.kill('SIGTERM'); // a second time means: at once
}

/** `first`, or the next one that nobody has. */
async function freePort(first) {
  for (let port = first; port < first + PORTS_TRIED && port <= 65_535; port++) {
    const probe = createServer().listen(port, HOST);
    try {
      await once(probe, 'listening');
    } catch (error) {
      const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
      if (code === 'EADDRINUSE') continue;
      throw new Error(`Cannot listen on ${HOST}:${port}: ${message}`, { cause: error });
    }
    const { port: free } = /** @type {import('node:net').AddressInfo} */ (probe.address());
    await new Promise((resolve) => probe.close(resolve));
    if (port !== first) console.log(`Port ${first} is in use; ${free} is free.`);
    return free;
  }
  throw new Error(
    `The ports from ${first} to ${first + PORTS_TRIED - 1} are all in use. Choose another one with PORT=…`,
  );
}

function canResolve(specifier) {
  try {
    return import.meta.resolve(specifier) !== '';
  } catch {
    return false;
  }
}

/** @returns {never} */
function fail(message) {
  console.error(message);
  process.exit(1);
}
