import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BINARY = 'redis-server';

function isInstalled(): boolean {
  try {
    execFileSync(BINARY, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const installed = isInstalled();
const given = process.env['REDIS_URL'];

/** `describe` where there is a Redis of any kind; where there is none, a visible skip, and a failure in CI. */
export const describeWithRedis = gate(installed || given !== undefined, 'a Redis server (redis-server or REDIS_URL)');
/** The same where the test needs a server of its own, to kill, pause and starve. */
export const describeWithRedisServer = gate(installed, 'redis-server');

function gate(there: boolean, what: string): jest.Describe {
  if (there) return describe;
  if (process.env['CI'] === undefined) return describe.skip;
  return ((name: string) => {
    describe(name, () => {
      it(`has ${what}`, () => {
        throw new Error(`In CI these tests must run: ${what} is missing`);
      });
    });
  }) as unknown as jest.Describe;
}

/** A Redis that a test file has to itself. */
export interface Redis {
  readonly url: string;
  close(): Promise<void>;
}

/** The one in `REDIS_URL`, else a new one. */
export async function openRedis(): Promise<Redis> {
  return given === undefined ? RedisServer.start() : { url: given, close: () => Promise.resolve() };
}

/** A redis-server on a free port, with its data in a directory of its own. */
export class RedisServer implements Redis {
  readonly directory = mkdtempSync(join(tmpdir(), 'redis-'));
  #process: ChildProcess | undefined;
  #mounted = false;

  private constructor(
    readonly port: number,
    readonly options: readonly string[],
  ) {}

  /** One whose data is on a disk of `megabytes` alone; undefined where this user may not mount. */
  static async onSmallDisk(megabytes: number, ...options: readonly string[]): Promise<RedisServer | undefined> {
    const server = new RedisServer(await freePort(), options);
    if (!server.resizeDisk(megabytes)) {
      await server.close();
      return undefined;
    }
    await server.run();
    return server;
  }

  /** @param options as on its command line; nothing is persisted unless they say so */
  static async start(...options: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Runs it, again after `kill`, on the same port and data. Resolves when it answers. */
  async run(...more: readonly string[]): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory];
    const defaults = ['--save', '', '--loglevel', 'warning', '--enable-debug-command', 'yes'];
    const args = [...fixed, ...defaults, ...this.options, ...more];
    this.#process = spawn(BINARY, args, { stdio: 'ignore' });
    await until(() => answers(this.port));
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return; // none, or it has ended
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Lets nothing be saved any more, as a full disk does: its directory is gone. */
  breakDirectory(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  resizeDisk(megabytes: number): boolean {
    const options = `size=${megabytes}m${this.#mounted ? ',remount' : ''}`;
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.directory], { stdio: 'ignore' });
    this.#mounted ||= status === 0;
    return status === 0;
  }

  async close(): Promise<void> {
    await this.kill();
    if (this.#mounted) spawnSync('umount', [this.directory], { stdio: 'ignore' });
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port');
  return address.port;
}

/** Something that takes a connection and answers PING, loading or not. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Asks again and again until the answer is yes. @throws where it is still no after `withinMs` */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It did not come true within ${withinMs} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const mayMount = (): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' });
  if (status === 0) spawnSync('umount', [directory], { stdio: 'ignore' });
  rmSync(directory, { recursive: true, force: true });
  return status === 0;
};

/** `it` where this user may mount a disk; else a visible skip. */
export const itWithDisk: jest.It = mayMount() ? it : it.skip;
