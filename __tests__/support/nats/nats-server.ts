import { killProcess } from '../processes/kill-process.js';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';
import { describeWith } from '../processes/describe-with.js';
import { findProgram } from '../processes/find-program.js';
import { freePort } from '../http/free-port.js';

const binary = findProgram('nats-server');
const given = process.env['NATS_URL'];

/** For tests that any NATS will do for. */
export const describeWithNats = describeWith(
  binary !== undefined || given !== undefined,
  'a NATS server (nats-server or NATS_URL)',
);
/** For those that need a server of their own, to kill and pause. */
export const describeWithNatsServer = describeWith(binary !== undefined, 'nats-server');

/** A NATS server that a test file may use, and its connections, which end with it. */
export class Nats {
  readonly #connections: NatsConnection[] = [];
  readonly #users: (() => Promise<void>)[] = [];

  constructor(
    readonly url: string,
    readonly server: NatsServer | undefined,
  ) {}

  /** The one in `NATS_URL`, else a new one. */
  static async open(...options: readonly string[]): Promise<Nats> {
    if (given !== undefined && options.length === 0) return new Nats(given, undefined);
    return Nats.own(...options);
  }

  /** One that belongs to the test alone. @param options as on its command line */
  static async own(...options: readonly string[]): Promise<Nats> {
    const server = await NatsServer.start(options);
    return new Nats(server.url, server);
  }

  /** One of its own, with a configuration file. */
  static async configured(text: string): Promise<Nats> {
    const folder = mkdtempSync(join(tmpdir(), 'nats-'));
    const file = join(folder, 'nats.conf');
    writeFileSync(file, text);
    try {
      return await Nats.own('--config', file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async connect(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const fast = { reconnectTimeWait: 20, reconnectJitter: 0, maxReconnectAttempts: -1 };
    const connection = await connect({ servers: this.url, ...fast, ...options });
    this.#connections.push(connection);
    return connection;
  }

  /** Calls `stop` before the connections end. */
  beforeClose(stop: () => Promise<void>): void {
    this.#users.push(stop);
  }

  async close(): Promise<void> {
    await Promise.all(this.#users.map((stop) => stop()));
    await Promise.all(this.#connections.map((connection) => connection.close()));
    await this.server?.close();
  }
}

/** What `useNats` gives each test of a file. */
export interface NatsOfTest {
  readonly nats: Nats;
  /** One that no other test uses, on a server that others may share. */
  readonly subject: string;
}

/** One server for all tests of this file or block. */
export function useNats(prefix: string): NatsOfTest {
  let nats: Nats | undefined;
  let tests = 0;
  beforeAll(async () => {
    nats = await Nats.open();
  });
  beforeEach(() => {
    tests++;
  });
  afterAll(() => nats?.close());
  return {
    get nats() {
      if (nats === undefined) throw new Error('not before the tests');
      return nats;
    },
    get subject() {
      return `${prefix}.${process.pid}.${tests}`;
    },
  };
}

/** A nats-server on a free port. */
export class NatsServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly options: readonly string[],
  ) {}

  static async start(options: readonly string[]): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), options);
    await server.run();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Runs it, again after `kill`, on the same port. Resolves when it takes connections. */
  async run(): Promise<void> {
    if (binary === undefined) throw new Error('nats-server is missing');
    const args = ['--addr', '127.0.0.1', '--port', String(this.port), ...this.options];
    const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    // Its log is read to its end: a closed pipe would kill it.
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (text: Buffer) => {
        if (text.includes('Server is ready')) resolve();
      });
      child.once('exit', (code) => {
        reject(new Error(`nats-server ended with ${String(code)}`));
      });
    });
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

  close(): Promise<void> {
    return this.kill();
  }
}
