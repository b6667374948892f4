import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster as Cluster5, Redis as Ioredis5 } from 'ioredis5';
import { Cluster as Cluster6, Redis as Ioredis6 } from 'ioredis6';
import { createCluster as createCluster5, createSentinel as createSentinel5 } from 'redis5';
import { createCluster as createCluster6, createSentinel as createSentinel6 } from 'redis6';
import { freePort } from '../http/free-port.js';
import { openClient, type TestClient } from './redis-clients.js';
import { RedisServer, serverProgram } from './redis-server.js';
import { until } from '../clock/until.js';

const SLOTS = 16_384;
const ignore = (): void => undefined;

/** Runs one command on one server. */
export async function tell(server: RedisServer, ...words: string[]): Promise<unknown> {
  const client = await openClient(server.url);
  try {
    return await client.command(...words);
  } finally {
    client.close();
  }
}

/** Masters that share the hash slots, each with a replica, on loopback. A master that hangs is replaced after a second. */
export class RedisCluster {
  private constructor(
    readonly masters: readonly RedisServer[],
    readonly replicas: readonly RedisServer[],
  ) {}

  static async start(masters = 3): Promise<RedisCluster> {
    const nodes: RedisServer[] = [];
    for (let n = 0; n < 2 * masters; n++) {
      const options = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
      nodes.push(
        await RedisServer.start(...options, '--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0'),
      );
    }
    const cluster = new RedisCluster(nodes.slice(0, masters), nodes.slice(masters));
    await cluster.#join();
    return cluster;
  }

  get nodes(): readonly RedisServer[] {
    return [...this.masters, ...this.replicas];
  }

  /** The master that had the slot of `key` when the cluster was started. */
  async masterOf(key: string): Promise<RedisServer> {
    const slot = Number(await tell(this.nodes.at(-1)!, 'CLUSTER', 'KEYSLOT', key));
    return this.masters[Math.floor((slot * this.masters.length) / SLOTS)]!;
  }

  async close(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()));
  }

  async #join(): Promise<void> {
    const { masters, replicas, nodes } = this;
    const firstOf = (n: number): number => Math.ceil((n * SLOTS) / masters.length);
    await Promise.all(
      masters.map((master, n) =>
        tell(master, 'CLUSTER', 'ADDSLOTSRANGE', String(firstOf(n)), String(firstOf(n + 1) - 1)),
      ),
    );
    for (const node of nodes.slice(1)) {
      await tell(node, 'CLUSTER', 'MEET', '127.0.0.1', String(masters[0]!.port), busPortOf(masters[0]!));
    }
    const know = async (node: RedisServer): Promise<boolean> => {
      const known = String(await tell(node, 'CLUSTER', 'NODES'))
        .trim()
        .split('\n');
      return known.length === nodes.length && !known.some((line) => line.includes('handshake'));
    };
    await until(async () => (await Promise.all(nodes.map(know))).every(Boolean));
    for (const [n, replica] of replicas.entries()) {
      await tell(replica, 'CLUSTER', 'REPLICATE', String(await tell(masters[n]!, 'CLUSTER', 'MYID')));
    }
    const isWhole = async (node: RedisServer): Promise<boolean> => {
      const synced =
        !replicas.includes(node) || String(await tell(node, 'INFO', 'replication')).includes('master_link_status:up');
      return synced && String(await tell(node, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
    };
    await until(async () => (await Promise.all(nodes.map(isWhole))).every(Boolean));
  }
}

const busPortOf = ({ options }: RedisServer): string => options[options.indexOf('--cluster-port') + 1] ?? '';

/** A master, its replica, and a sentinel that replaces the one by the other once it has been silent for half a second. */
export class RedisWithSentinel {
  readonly directory = mkdtempSync(join(tmpdir(), 'sentinel-'));
  #process: ChildProcess | undefined;

  private constructor(
    readonly master: RedisServer,
    readonly replica: RedisServer,
    readonly port: number,
  ) {}

  static async start(): Promise<RedisWithSentinel> {
    const master = await RedisServer.start('--repl-diskless-sync-delay', '0');
    const replica = await RedisServer.start('--replicaof', '127.0.0.1', String(master.port));
    const started = new RedisWithSentinel(master, replica, await freePort());
    await until(async () => String(await tell(replica, 'INFO', 'replication')).includes('master_link_status:up'));
    await started.#run();
    return started;
  }

  async #run(): Promise<void> {
    const file = join(this.directory, 'sentinel.conf');
    const lines = [
      `port ${this.port}`,
      'bind 127.0.0.1',
      `dir ${this.directory}`,
      `sentinel monitor main 127.0.0.1 ${this.master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.#process = spawn(serverProgram ?? '', [file, '--sentinel'], { stdio: 'ignore' });
    const client = await openClient(`redis://127.0.0.1:${this.port}`);
    const sees = async (): Promise<boolean> =>
      String(await client.command('INFO', 'sentinel').catch(ignore)).includes('slaves=1');
    await until(sees);
    client.close();
  }

  async close(): Promise<void> {
    if (this.#process?.exitCode === null) {
      this.#process.kill('SIGKILL');
      await once(this.#process, 'exit');
    }
    await Promise.all([this.master.close(), this.replica.close()]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface IoredisClient {
  on(event: 'error', listener: () => void): unknown;
  call(name: string, ...words: string[]): Promise<unknown>;
  disconnect(): void;
}

interface NodeRedisClient {
  readonly isOpen: boolean;
  on(event: 'error', listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}

function opened(client: IoredisClient | NodeRedisClient): TestClient {
  client.on('error', ignore);
  if ('call' in client) {
    const given = client as unknown as TestClient['client'];
    return {
      client: given,
      command: (name = '', ...rest) => client.call(name, ...rest),
      close: () => client.disconnect(),
    };
  }
  client.connect().catch(ignore);
  return {
    client: client as unknown as TestClient['client'],
    command: () => Promise.reject(new Error('Use a client of one node')),
    close: () => {
      if (client.isOpen) void client.destroy();
    },
  };
}

/** Every client of a cluster that the store is tested on. */
export const CLUSTER_CLIENTS: Readonly<Record<string, (cluster: RedisCluster) => TestClient>> = {
  'ioredis 5 Cluster': ({ nodes }) =>
    opened(
      new Cluster5(
        nodes.map(({ url }) => url),
        { slotsRefreshInterval: 500 },
      ),
    ),
  'ioredis 6 Cluster': ({ nodes }) =>
    opened(
      new Cluster6(
        nodes.map(({ url }) => url),
        { slotsRefreshInterval: 500 },
      ),
    ),
  'node-redis 5 createCluster': ({ nodes }) => opened(createCluster5({ rootNodes: nodes.map(({ url }) => ({ url })) })),
  'node-redis 6 createCluster': ({ nodes }) => opened(createCluster6({ rootNodes: nodes.map(({ url }) => ({ url })) })),
};

const sentinelsOf = ({ port }: RedisWithSentinel): { host: string; port: number }[] => [{ host: '127.0.0.1', port }];

/** Every client that finds its master by Sentinel. */
export const SENTINEL_CLIENTS: Readonly<Record<string, (sentinel: RedisWithSentinel) => TestClient>> = {
  'ioredis 5': (sentinel) => opened(new Ioredis5({ sentinels: sentinelsOf(sentinel), name: 'main' })),
  'ioredis 6': (sentinel) => opened(new Ioredis6({ sentinels: sentinelsOf(sentinel), name: 'main' })),
  'node-redis 5 createSentinel': (sentinel) =>
    opened(createSentinel5({ name: 'main', sentinelRootNodes: sentinelsOf(sentinel) })),
  'node-redis 6 createSentinel': (sentinel) =>
    opened(createSentinel6({ name: 'main', sentinelRootNodes: sentinelsOf(sentinel) })),
};
