import { randomUUID } from 'node:crypto';
import type { OpenTaskStore } from '../../lib/core/ports.js';
import { NOBODY } from '../../lib/core/store/nobody.js';
import { createTaskStore } from '../../lib/distributed/create-task-store.js';
import { openPort } from '../../lib/redis/clients/open-port.js';
import { RedisDriver } from '../../lib/redis/redis-driver.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { RoundTrips } from '../support/redis/redis-round-trips.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { storeSettings } from '../support/stores/store-fixtures.js';

interface Named {
  readonly taskId: string;
  readonly resumeKey: string;
}

describeWithRedisServer('how often Redis is waited for', () => {
  let redis: RedisServer;
  let prefix: string;
  let trips: RoundTrips;
  let a: OpenTaskStore;
  let b: OpenTaskStore;
  const clients: TestClient[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    prefix = `${randomUUID()}:`;
    trips = new RoundTrips();
    [a, b] = [await open(), await open()];
  });
  afterEach(async () => {
    await Promise.all([a.stop?.(), b.stop?.()]);
    for (const client of clients.splice(0)) client.close();
  });

  const open = async (): Promise<OpenTaskStore> => {
    const client = await openClient(redis.url);
    clients.push(client);
    return createTaskStore(new RedisDriver(trips.through(openPort(client.client)), prefix))(storeSettings());
  };
  const started = async (store: OpenTaskStore, idempotencyKey?: string): Promise<Named> => {
    const draft = { taskId: randomUUID(), resumeKey: randomUUID(), owner: undefined, fingerprint: undefined };
    if (idempotencyKey !== undefined) await store.find({ idempotencyKey, owner: undefined });
    const creation = await store.create({ ...draft, idempotencyKey });
    if (!creation.created) throw new Error('The task exists already');
    creation.writer.begin(NOBODY);
    await creation.writer.append(undefined, '1');
    return draft;
  };

  /** Of the second time: the first time Redis is told the scripts. */
  const counted = async (work: () => Promise<unknown>): Promise<number> => {
    await trips.of(work);
    return trips.of(work);
  };

  it('is twice at most where a task is started and says the first thing', async () => {
    expect(await counted(() => started(a))).toBeLessThanOrEqual(2);
  });

  it('is three times at most where it has a key, which is looked up first, and four times with the first thing', async () => {
    expect(await counted(() => started(a, randomUUID()))).toBeLessThanOrEqual(4);
  });

  it('is twice where a client comes back, to an instance that follows its task already or not', async () => {
    const comesBack = async ({ taskId, resumeKey }: Named): Promise<void> => {
      await b.find({ resumeKey });
      expect((await b.open(taskId))?.log.lastSeq).toBe(1);
    };
    await comesBack(await started(a));
    const task = await started(a);
    expect(await trips.of(() => comesBack(task))).toBe(2);
    expect(await trips.of(() => comesBack(task))).toBe(2);
  });

  it('is twice at most where a task that runs elsewhere is cancelled', async () => {
    const reason = { code: 'TASK_CANCELLED', message: 'Stop' } as const;
    const tasks = [await started(a), await started(a)];
    const cancels = async (): Promise<unknown> => b.requestCancel(tasks.pop()!.taskId, reason);
    expect(await counted(cancels)).toBeLessThanOrEqual(2);
  });
});
