import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis5';
import {
  createClient as createClient6,
  createCluster as createCluster6,
  createSentinel as createSentinel6,
} from 'redis6';
import { openPort } from '../../lib/redis/clients/open-port.js';

interface Closable {
  readonly isOpen: boolean;
  on(event: 'error', listener: () => void): unknown;
  connect(): Promise<unknown>;
  close(): unknown;
  destroy(): unknown;
}

const ignore = (): void => undefined;
const immediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const socket = { reconnectStrategy: false } as const;

/** Clients of node-redis that know one node, by its URL. */
const OPENED: Record<string, (url: string) => Closable> = {
  'createClient of node-redis 5': (url) => createClient5({ url, socket }),
  'createClient of node-redis 6': (url) => createClient6({ url, socket }),
  'createCluster of node-redis 5': (url) => createCluster5({ rootNodes: [{ url }], defaults: { socket } }),
  'createCluster of node-redis 6': (url) => createCluster6({ rootNodes: [{ url }], defaults: { socket } }),
};

describe('a client that its application closes while the store has it connect stays closed', () => {
  let server: Server;
  let sockets: Set<Socket>;
  let url: string;
  /** Takes connections and answers nothing. */
  beforeEach(async () => {
    sockets = new Set();
    server = createServer((socket) => sockets.add(socket.on('error', ignore))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  const ways = Object.keys(OPENED).flatMap((name) => [
    [name, 'destroy', 1] as const,
    // A client of one node that is closed in the middle of its handshake does not say so.
    ...(name.includes('Cluster')
      ? ([
          [name, 'close', 1],
          [name, 'destroy', 2],
        ] as const)
      : []),
  ]);
  it.each(ways)('%s, by %s, in attempt %i', async (name, close, attempts) => {
    const client = (OPENED[name] as (url: string) => Closable)(url);
    client.on('error', ignore);
    client.connect().catch(ignore);
    await once(server, 'connection');
    const port = openPort(client as never);
    const reconnecting: Promise<unknown>[] = [];
    for (let n = 0; n < attempts; n++) {
      const connected = once(server, 'connection');
      reconnecting.push(port.reconnect().catch(ignore));
      await connected;
    }
    void Promise.resolve(client[close]()).catch(ignore);
    for (const socket of sockets) socket.destroy();
    if (name.includes('Cluster')) await Promise.all(reconnecting);
    void port.reconnect().catch(ignore);
    await immediately();
    expect(client.isOpen).toBe(false);
  });
});

it('a client that has given up an attempt of the store is told to connect again: createSentinel of node-redis 6', async () => {
  const sentinelRootNodes = [{ host: '127.0.0.1', port: 1 }];
  const client = createSentinel6({ name: 'main', sentinelRootNodes, maxCommandRediscovers: 0 });
  client.on('error', ignore);
  client.connect().catch(ignore);
  const port = openPort(client);
  await expect(port.reconnect()).rejects.toThrow();
  await expect(port.reconnect()).rejects.toThrow();
});
