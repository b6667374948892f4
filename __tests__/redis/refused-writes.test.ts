import { randomUUID } from 'node:crypto';
import { START } from '../../lib/distributed/port/stored.js';
import { Keys } from '../../lib/redis/keys.js';
import { refusalOf } from '../../lib/redis/clients/replies.js';
import { append, batchOf, claimOf, created, draft, endAfter, entryAfter } from '../contracts/driver-steps.js';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { CLIENTS, openClient, type TestClient } from '../support/redis/redis-clients.js';
import { driverOn, persist } from '../support/redis/redis-drivers.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';

const OOM = "OOM command not allowed when used memory > 'maxmemory'.";

describe('the refusal of a command', () => {
  it.each([
    OOM,
    `ERR Error running script (call to f_1ab): @user_script:5: @user_script: 5: -${OOM}`,
    'ERR Error running script (call to f_1ab): @user_script:5: -READONLY You can not write against a replica',
    '-NOREPLICAS Not enough good replicas to write.',
    'MISCONF Redis is configured to save RDB snapshots',
    'LOADING Redis is loading the dataset in memory',
    'CLUSTERDOWN The cluster is down',
  ])('is one of the whole script where the server says so before the first write: %s', (text) => {
    expect(refusalOf(new Error(text))).toEqual({ passing: true, whole: true });
  });

  it.each([
    ['NOPERM this user has no permissions', true],
    ["ERR unknown command 'XADD'", true],
    ['ERR Unknown Redis command called from script script: 1ab, on @user_script:5.', true],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', false],
  ])('is one of the command alone where the server says so of each: %s', (text, passing) => {
    expect(refusalOf(new Error(text))).toEqual({ passing, whole: false });
  });

  it.each(['Connection is closed.', 'read ECONNRESET', 'ERR Error running script: attempt to index a nil value', ''])(
    'is not assumed where it is unknown whether the command was carried out: %s',
    (text) => {
      expect(refusalOf(new Error(text))).toBeUndefined();
    },
  );
});

/** How a server comes to refuse writes while it goes on answering reads, and how it is cured. */
const FAULTS: Record<string, (redis: RedisServer, admin: TestClient) => Promise<() => Promise<unknown>>> = {
  OOM: async (_, admin) => {
    await admin.command('CONFIG', 'SET', 'maxmemory', '1');
    return () => admin.command('CONFIG', 'SET', 'maxmemory', '0');
  },
  NOREPLICAS: async (_, admin) => {
    await admin.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    return () => admin.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
  },
  READONLY: async (_, admin) => {
    await admin.command('REPLICAOF', '127.0.0.1', '1');
    return () => admin.command('REPLICAOF', 'NO', 'ONE');
  },
  MISCONF: async (redis, admin) => {
    await admin.command('CONFIG', 'SET', 'save', '3600 1');
    redis.breakDirectory();
    await admin.command('BGSAVE');
    await until(async () => String(await admin.command('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'));
    return () => admin.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
  },
};

describeWithRedisServer('the store while Redis refuses writes', () => {
  let redis: RedisServer;
  let admin: TestClient;
  beforeEach(async () => {
    redis = await RedisServer.start();
    admin = await openClient(redis.url);
  });
  afterEach(async () => {
    admin.close();
    await redis.close();
  });

  it.each(Object.keys(FAULTS))(
    'leaves no trace of a refused append or of any other rejected call: %s',
    async (kind) => {
      const opened = await openClient(redis.url);
      const driver = driverOn(opened, 'refused:');
      const task = await created(driver);
      const first = entryAfter(START, ['1']);
      await append(driver, batchOf(task.taskId, [first]));
      const before = await driver.read({ taskId: task.taskId }, { progress: true });
      const [plain, end] = [batchOf(task.taskId, [entryAfter(first.place, ['2'])]), endAfter(task.taskId, first.place)];
      const cure = await FAULTS[kind]!(redis, admin);

      for (const batch of [plain, end]) {
        const fate = await persist(
          () => append(driver, batch),
          (answer) => answer.kind !== 'unknown',
        );
        expect(fate).toMatchObject({ kind: 'refused', passing: true });
      }
      const late = draft();
      await expect(driver.create(late, 'one')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(driver.claim(claimOf(task))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(driver.beat({ instance: 'one', leaseMs: 1, schema: 2 })).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
      });
      expect(await persist(() => driver.read({ taskId: task.taskId }, { progress: true }))).toEqual(before);

      await cure();
      expect(await persist(() => append(driver, plain))).toEqual({ kind: 'committed' });
      expect(await driver.create(late, 'one')).toMatchObject({ created: { taskId: late.taskId } });
      await driver.close();
      opened.close();
    },
  );

  it.each(Object.entries(CLIENTS))(
    'leaves one copy of what a call has written whose answer was lost: %s',
    async (_, open) => {
      const proxy = await startCutProxy({ upstreamPort: redis.port });
      const opened = await open(`redis://127.0.0.1:${proxy.port}`);
      const prefix = `${randomUUID()}:`;
      const driver = driverOn(opened, prefix, { timeoutMs: 5_000 });
      const task = await persist(() => created(driver));
      await append(driver, batchOf(task.taskId, [entryAfter(START, ['1'])]));
      const batch = batchOf(task.taskId, [entryAfter({ token: 1, seq: 1, bytes: 10 }, ['2'])]);
      const claim = claimOf(task);
      await driver.claim(claimOf(await created(driver))); // from now on the server knows the script
      const key = new Keys(prefix).events(task.taskId);
      const calls = [() => append(driver, batch), () => driver.claim(claim)];
      for (const [n, call] of calls.entries()) {
        proxy.pause(); // what is answered does not get through
        const first = call().catch(() => undefined);
        await until(async () => Number(await admin.command('XLEN', key)) === 3 + n);
        proxy.cutAll();
        proxy.resume();
        await first;
        const known = await persist<object>(call, (answer) => !('kind' in answer && answer.kind === 'unknown'));
        expect(known).toMatchObject(n === 0 ? { kind: 'committed' } : { won: { token: 2, holder: 'two' } });
      }
      expect(await persist(() => driver.readAfter(task.taskId, START, 9))).toHaveLength(3);
      await driver.close();
      opened.close();
      await proxy.close();
    },
  );
});
