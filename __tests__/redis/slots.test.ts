import { randomUUID } from 'node:crypto';
import { createTaskManager, type TaskManager } from '../../lib/index.js';
import { createRedisStore } from '../../lib/redis/index.js';
import { describeSlotRaces } from '../contracts/slot-races.js';
import { compileLib } from '../support/processes/compiled-lib.js';
import { ChildInstance } from '../support/redis/redis-child.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

const LEASE_MS = 1_000;
/** The lease and 2 s, as promised, and a second for a machine that does other things as well. */
const FREE_MS = LEASE_MS + 3_000;

jest.setTimeout(120_000);

describeWithRedisServer('a slot on three instances over Redis', () => {
  let redis: RedisServer;
  let libUrl: string;
  const clients: TestClient[] = [];
  const managers: TaskManager[] = [];

  beforeAll(async () => {
    libUrl = compileLib('redis-slots');
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());
  afterEach(async () => {
    await Promise.all(managers.splice(0).map((tasks) => tasks.stop()));
    for (const client of clients.splice(0)) client.close();
  });

  const open = async (prefix: string): Promise<TaskManager> => {
    const client = await openClient(redis.url);
    const store = createRedisStore({ client: client.client, prefix, leaseMs: LEASE_MS });
    const tasks = createTaskManager({ store, maxRunningTasks: Infinity, onTaskError: () => undefined });
    clients.push(client);
    managers.push(tasks);
    return tasks;
  };
  const openThree = async (): Promise<TaskManager[]> => {
    const prefix = `${randomUUID()}:`;
    return Promise.all([open(prefix), open(prefix), open(prefix)]);
  };

  describeSlotRaces('on three instances', openThree, 100);

  describe('whose instance is gone', () => {
    const children: ChildInstance[] = [];
    afterEach(async () => {
      await Promise.all(children.splice(0).map((child) => child.close()));
    });

    const startedElsewhere = async (): Promise<{ child: ChildInstance; tasks: TaskManager }> => {
      const prefix = `${randomUUID()}:`;
      const tasks = await open(prefix);
      const child = await ChildInstance.start(libUrl, redis.url, { prefix, leaseMs: LEASE_MS });
      children.push(child);
      await child.follow('/slot/a').untilSeq(3);
      return { child, tasks };
    };
    const freeAgain = async (tasks: TaskManager): Promise<void> => {
      await until(async () => (await tasks.find({ slot: 'a' })) === undefined, FREE_MS);
    };

    it('is free within the lease and two seconds after kill -9', async () => {
      const { child, tasks } = await startedElsewhere();
      await expect(tasks.start(async () => 1, { slot: 'a' })).rejects.toMatchObject({ code: 'SLOT_BUSY' });
      child.signal('SIGKILL');
      await freeAgain(tasks);
    });

    it('stays with the run that took it when the one before wakes up and wants to end', async () => {
      const { child, tasks } = await startedElsewhere();
      child.signal('SIGSTOP');
      await freeAgain(tasks);
      const { taskId } = await tasks.start(({ signal }) => untilAborted(signal), { slot: 'a' });
      child.signal('SIGCONT');
      expect(await child.heard('aborted')).toMatchObject({ code: 'FENCED' });
      child.send({ kind: 'stop', ms: 0 });
      await child.heard('stopped');
      expect(await tasks.find({ slot: 'a' })).toMatchObject({ taskId, status: 'running' });
    });
  });
});

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
