import { START } from '../../lib/distributed/port/stored.js';
import { append, batchOf, created, draft, entryAfter } from '../contracts/driver-steps.js';
import { openClient, type TestClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { WebInstance } from '../support/redis/redis-instances.js';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';
import { SteppedJob } from '../support/jobs/stepped-job.js';

const PREFIX = 'rights:';

describeWithRedisServer('a user whose rights end in the middle of what an append does', () => {
  let redis: RedisServer;
  let admin: TestClient;
  let user: TestClient;
  beforeAll(async () => {
    redis = await RedisServer.start();
    admin = await openClient(redis.url);
  });
  beforeEach(async () => {
    await admin.command('ACL', 'SETUSER', 'app', 'on', '>secret', `~${PREFIX}*`, `&${PREFIX}*`, '+@all');
    user = await openClient(redis.url.replace('//', '//app:secret@'));
  });
  afterEach(() => user.close());
  afterAll(async () => {
    admin.close();
    await redis.close();
  });

  /** Appends an event, then another one that is noted and trimmed under fewer rights, and answers what became of it. */
  const appendWithout = async (right: string): Promise<object> => {
    const driver = driverOn(user, PREFIX);
    const { taskId } = await created(driver);
    const first = entryAfter(START, ['1']);
    expect(await append(driver, batchOf(taskId, [first]))).toEqual({ kind: 'committed' });
    const second = entryAfter(first.place, ['2']);
    await admin.command('ACL', 'SETUSER', 'app', right);
    const fate = await append(driver, { ...batchOf(taskId, [second]), progress: '2', touch: true });
    await admin.command('ACL', 'SETUSER', 'app', '+@all');
    const log = await driver.readAfter(taskId, START, 9);
    await driver.close();
    return { ...fate, isInLog: log.some(({ place }) => place.seq === 2) };
  };

  it.each(['-hset', '-pexpire'])('is never told that an event is refused which is in the log: %s', async (right) => {
    expect(await appendWithout(right)).toMatchObject({ kind: 'unknown', isInLog: true });
  });

  it('is told that an event is refused which is not in the log', async () => {
    expect(await appendWithout('-xadd')).toMatchObject({ kind: 'refused', passing: true, isInLog: false });
  });

  it.each(['-publish', 'resetchannels'])('appends although nobody can be told of it: %s', async (right) => {
    expect(await appendWithout(right)).toEqual({ kind: 'committed', isInLog: true });
  });

  it.each(['-xadd', '-pexpire', '-hset'])('starts no task of which it can write a part: %s', async (right) => {
    const driver = driverOn(user, PREFIX);
    await created(driver); // the check of the client is over
    await admin.command('ACL', 'SETUSER', 'app', right);
    const task = draft();
    for (const _attempt of ['first', 'second']) {
      await expect(driver.create(task, 'one')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    }
    await admin.command('ACL', 'SETUSER', 'app', '+@all');
    expect(await driver.read({ taskId: task.taskId })).toBeUndefined();
    expect(await driver.create(task, 'one')).toMatchObject({ created: { taskId: task.taskId } });
    await driver.close();
  });

  it('keeps its tasks while it may not append, and goes on once it may', async () => {
    const stepped = new SteppedJob();
    const web = await WebInstance.open(redis.url.replace('//', '//app:secret@'), { job: stepped.job, prefix: PREFIX });
    const reader = await web.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await admin.command('ACL', 'LOG', 'RESET');
    await admin.command('ACL', 'SETUSER', 'app', '-xadd');
    const emitted = stepped.emit(1, 3);
    await until(async () => ((await admin.command('ACL', 'LOG')) as unknown[]).length > 0);
    await admin.command('ACL', 'SETUSER', 'app', '+xadd');
    await emitted;
    await reader.untilSeq(3);
    await web.close();
  });
});
