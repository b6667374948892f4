import { killProcess } from '../processes/kill-process.js';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../processes/describe-with.js';
import { findProgram } from '../processes/find-program.js';
import { freePort } from '../http/free-port.js';
import { until } from '../clock/until.js';

/** `REDIS_SERVER`, the path of a server that speaks the protocol of Redis, or the one that is installed. */
export const serverProgram = process.env['REDIS_SERVER'] ?? findProgram('redis-server');
const given = process.env['REDIS_URL'];

/** For tests that any Redis will do for. */
export const describeWithRedis = describeWith(
  serverProgram !== undefined || given !== undefined,
  'a Redis server (redis-server or REDIS_URL)',
);
/** For those that need a server of their own, to kill, pause and starve. */
export const describeWithRedisServer = describeWith(serverProgram !== undefined, 'redis-server');

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
    if (serverProgram === undefined) throw new Error('redis-server is missing');
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory];
    const defaults = ['--save', '', '--loglevel', 'warning', '--enable-debug-command', 'yes'];
    const args = [...fixed, ...defaults, ...this.options, ...more];
    this.#process = spawn(serverProgram, args, { stdio: 'ignore' });
    await until(() => answers(this.port));
  }

  kill(): Promise<void> {
    return killProcess(this.#process);
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
    const done = mount(this.directory, megabytes, this.#mounted);
    this.#mounted ||= done;
    return done;
  }

  async close(): Promise<void> {
    await this.kill();
    if (this.#mounted) runAsRoot('umount', this.directory);
    rmSync(this.directory, { recursive: true, force: true });
  }
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

/** Runs a command of the system as its administrator. */
function runAsRoot(...command: string[]): boolean {
  const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '--non-interactive', ...command];
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Puts a disk of that size at `directory`, for this user to write to. */
const mount = (directory: string, megabytes: number, again = false): boolean => {
  const options = `size=${megabytes}m,uid=${process.getuid?.() ?? 0}${again ? ',remount' : ''}`;
  return runAsRoot('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', directory);
};

const mayMount = (): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'mount-'));
  const mounted = mount(directory, 1);
  if (mounted) runAsRoot('umount', directory);
  rmSync(directory, { recursive: true, force: true });
  return mounted;
};

/** `it` where this user may mount a disk; else a visible skip. */
export const itWithDisk: jest.It = mayMount() ? it : it.skip;
