import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { systemClock } from '../../lib/core/clock.js';
import { createClient as createClient6 } from 'redis6';
import { openPort } from '../../lib/redis/clients/open-port.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { started } from '../contracts/store-steps.js';
import { CLIENTS } from '../support/redis/redis-clients.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';
import { range } from '../support/jobs/stepped-job.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

const TASKS = Number(process.env['TASKS'] ?? 1_000);
const AT_A_TIME = 500;

/** Creates tasks and follows them. */
async function grow(store: OpenTaskStore, tasks: number): Promise<void> {
  for (let made = 0; made < tasks; made += AT_A_TIME) {
    await Promise.all(
      range(1, Math.min(AT_A_TIME, tasks - made)).map(async () => {
        const { taskId } = await started(store);
        (await store.open(taskId))?.join(undefined);
      }),
    );
  }
}

describeWithRedisServer('the connections of a store', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());

  it.each(Object.entries(CLIENTS).filter(([name]) => name.endsWith('6')))(
    'are one beside the client, whatever the number of tasks: %s',
    async (_, open) => {
      const opened = await open(redis.url);
      const connections = async (): Promise<number> =>
        String(await opened.command('CLIENT', 'LIST'))
          .trim()
          .split('\n').length;
      expect(await connections()).toBe(1);
      const store = createRedisStore({ client: opened.client, prefix: `${randomUUID()}:` })(
        storeSettings({ clock: systemClock, timeoutMs: 20_000, maxBufferedBytes: 2 ** 30 }),
      );
      await grow(store, 1);
      await until(async () => (await connections()) === 2);
      await grow(store, TASKS - 1);
      expect(await connections()).toBe(2);
      await store.stop?.();
      await until(async () => (await connections()) === 1);
      opened.close();
    },
  );

  it.each(Object.entries(CLIENTS))('are closed when it stops: %s', async (_, open) => {
    const opened = await open(redis.url);
    const emitter = opened.client as unknown as EventEmitter;
    const listeners = (): number[] => emitter.eventNames().map((event) => emitter.listenerCount(event));
    const before = listeners();
    const store = createRedisStore({ client: opened.client, prefix: `${randomUUID()}:` })(
      storeSettings({ clock: systemClock }),
    );
    await started(store);
    await store.stop?.();
    expect(listeners()).toEqual(before);
    opened.close();
  });

  it.each(Object.entries(CLIENTS))('stay closed where the application has closed its client: %s', async (_, open) => {
    const opened = await open(redis.url);
    const port = openPort(opened.client);
    await until(() => port.ready);
    opened.close();
    await port.reconnect();
    expect(port.ready).toBe(false);
  });

  it('are opened again where only the attempt of the store has failed: node-redis 6', async () => {
    const client = createClient6({ url: 'redis://127.0.0.1:1', socket: { reconnectStrategy: () => strategy } });
    let strategy: number | false = 50;
    client.on('error', () => (strategy = false));
    client.connect().catch(() => undefined);
    const port = openPort(client);
    await expect(port.reconnect()).rejects.toThrow('ECONNREFUSED');
    await expect(port.reconnect()).rejects.toThrow('ECONNREFUSED');
  });

  it('stay closed where the application closes its client while the store has it connect: node-redis 6', async () => {
    const client = createClient6({ url: 'redis://127.0.0.1:1' });
    client.on('error', () => undefined);
    client.connect().catch(() => undefined);
    const port = openPort(client);
    const reconnecting = port.reconnect();
    await new Promise((resolve) => client.once('reconnecting', resolve));
    client.destroy();
    await reconnecting.catch(() => undefined);
    await port.reconnect();
    expect(client.isOpen).toBe(false);
  });
});
