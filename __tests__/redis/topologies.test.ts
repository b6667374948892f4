import { randomUUID } from 'node:crypto';
import type { Fate } from '../../lib/distributed/port/calls.js';
import { START } from '../../lib/distributed/port/stored.js';
import { Keys } from '../../lib/redis/keys.js';
import type { RedisDriver } from '../../lib/redis/redis-driver.js';
import { append, batchOf, claimOf, created, ended, entryAfter, stored } from '../contracts/driver-steps.js';
import type { TestClient } from '../support/redis/redis-clients.js';
import { driverOn, persist } from '../support/redis/redis-drivers.js';
import { describeWithRedisServer, type RedisServer } from '../support/redis/redis-server.js';
import {
  CLUSTER_CLIENTS,
  RedisCluster,
  RedisWithSentinel,
  SENTINEL_CLIENTS,
  tell,
} from '../support/redis/redis-topologies.js';
import { until } from '../support/clock/until.js';

const isCommitted = ({ kind }: Fate): boolean => kind === 'committed';

/** The life of a task over two drivers: everything that a script or a subscription is needed for. */
async function live(one: RedisDriver, two: RedisDriver): Promise<void> {
  const task = await persist(() => created(one, { owner: 'ann', idempotencyKey: randomUUID(), slot: randomUUID() }));
  const heard: string[] = [];
  const notifications = two.listen({
    appended: (id) => void heard.push(id),
    noted: () => undefined,
    missed: () => undefined,
  });
  await persist(() => notifications.follow(task.taskId));
  let { place } = entryAfter(START, ['1']);
  await append(one, batchOf(task.taskId, [entryAfter(START, ['1'])]));
  await until(async () => {
    const next = entryAfter(place, ['2']);
    if (isCommitted(await append(one, batchOf(task.taskId, [next])))) place = next.place;
    return heard.includes(task.taskId);
  });
  expect(await two.read({ resumeKey: task.resumeKey })).toMatchObject({ top: place });
  expect(await two.claim(claimOf(task))).toMatchObject({ won: { holder: 'two' } });
  await ended(one, { owner: 'ann' });
  expect(await two.list({ of: { owner: 'ann' }, status: undefined, limit: 9, before: undefined })).toHaveLength(2);
  const walked: string[] = [];
  let cursor: string | undefined;
  do {
    const { tasks, next } = await two.walk(cursor, 100);
    walked.push(...tasks.map(({ taskId }) => taskId));
    cursor = next;
  } while (cursor !== undefined);
  expect(walked).toHaveLength(2);
  notifications.close();
}

/** Cuts the connections on which a store listens to these nodes, and waits until it has noticed and hears again. */
async function interrupt(driver: RedisDriver, nodes: readonly RedisServer[]): Promise<void> {
  let heard = 0;
  let missed = 0;
  const notifications = driver.listen({ appended: () => undefined, noted: () => heard++, missed: () => missed++ });
  const hear = (): Promise<void> => {
    heard = 0;
    return until(async () => {
      await driver.notify('one', { kind: 'echo', nonce: 'n' }).catch(() => undefined);
      return heard > 0;
    });
  };
  await hear();
  const before = missed;
  await Promise.all(nodes.map((node) => tell(node, 'CLIENT', 'KILL', 'TYPE', 'pubsub')));
  await until(() => missed > before);
  await hear();
  notifications.close();
}

describeWithRedisServer('on a cluster of three masters with replicas', () => {
  let cluster: RedisCluster;
  const clients: TestClient[] = [];
  const open = (name: keyof typeof CLUSTER_CLIENTS): TestClient => {
    const client = CLUSTER_CLIENTS[name]!(cluster);
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster.close());
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  it.each(Object.keys(CLUSTER_CLIENTS))('a task keeps working on %s', async (name) => {
    const prefix = `${randomUUID()}:`;
    const drivers = [driverOn(open(name), prefix), driverOn(open(name), prefix, { instance: 'two' })] as const;
    await live(...drivers);
    for (const driver of drivers) await driver.close();
  });

  it.each(Object.keys(CLUSTER_CLIENTS))('notices that it was not listening for a moment: %s', async (name) => {
    const driver = driverOn(open(name), `${randomUUID()}:`);
    await interrupt(driver, cluster.nodes);
    await driver.close();
  });

  it('a master that hangs delays its own tasks only, until its replica takes over', async () => {
    const names = Object.keys(CLUSTER_CLIENTS);
    const prefix = `${randomUUID()}:`;
    const keys = new Keys(prefix);
    const drivers = names.map((name) => driverOn(open(name), prefix, { instance: name }));
    const tasks = await Promise.all(
      drivers.map((driver) => Promise.all(Array.from({ length: 12 }, () => persist(() => created(driver))))),
    );
    const hung = await cluster.masterOf(keys.task(tasks[0]![0]!.taskId));
    const isHung = new Map<string, boolean>();
    for (const { taskId } of tasks.flat()) isHung.set(taskId, (await cluster.masterOf(keys.task(taskId))) === hung);
    expect(new Set(isHung.values()).size).toBe(2);
    hung.pause();
    const places = new Map(tasks.flat().map(({ taskId }) => [taskId, START]));
    const step = async (driver: RedisDriver, taskId: string): Promise<Fate> => {
      const entry = entryAfter(places.get(taskId) ?? START, ['1']);
      const fate = await append(driver, batchOf(taskId, [entry]));
      if (isCommitted(fate)) places.set(taskId, entry.place);
      return fate;
    };
    const healthy = drivers.flatMap((driver, n) =>
      tasks[n]!.filter(({ taskId }) => !isHung.get(taskId)).map(({ taskId }) => step(driver, taskId)),
    );
    expect((await Promise.all(healthy)).every(isCommitted)).toBe(true);
    const all = drivers.flatMap((driver, n) =>
      tasks[n]!.map(({ taskId }) => persist(() => step(driver, taskId), isCommitted)),
    );
    await Promise.all(all);
    hung.resume();
    for (const driver of drivers) await driver.close();
  });
});

describeWithRedisServer('with a sentinel', () => {
  let sentinel: RedisWithSentinel;
  const clients: TestClient[] = [];
  beforeEach(async () => {
    sentinel = await RedisWithSentinel.start();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await sentinel.close();
  });

  it.each(Object.keys(SENTINEL_CLIENTS))('notices that it was not listening for a moment: %s', async (name) => {
    const client = SENTINEL_CLIENTS[name]!(sentinel);
    clients.push(client);
    const driver = driverOn(client, `${randomUUID()}:`);
    await interrupt(driver, [sentinel.master]);
    await driver.close();
  });

  it.each(Object.keys(SENTINEL_CLIENTS))('a master that hangs is left for its replica: %s', async (name) => {
    const prefix = `${randomUUID()}:`;
    const [one, two] = ['one', 'two'].map((instance) => {
      const client = SENTINEL_CLIENTS[name]!(sentinel);
      clients.push(client);
      return driverOn(client, prefix, { instance });
    }) as [RedisDriver, RedisDriver];
    await live(one, two);
    const task = await created(one);
    await until(async () => Number(await tell(sentinel.master, 'WAIT', '1', '0')) === 1);
    sentinel.master.pause();
    const entry = entryAfter(START, ['1']);
    await persist(() => append(one, batchOf(task.taskId, [entry])), isCommitted);
    expect(await persist(() => stored(two, task.taskId))).toMatchObject({ top: entry.place });
    await Promise.all([one.close(), two.close()]);
  });
});
