import { randomUUID } from 'node:crypto';
import { describeWithRedisServer, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';
import { WebInstance, type InstanceOptions } from '../support/redis/redis-instances.js';
import { range, SteppedJob } from '../support/jobs/stepped-job.js';
import { WithheldReplies } from '../support/redis/withheld-replies.js';

jest.setTimeout(120_000);

describeWithRedisServer('a task on any instance', () => {
  let redis: RedisServer;
  let stepped: SteppedJob;
  let prefix: string;
  const instances: WebInstance[] = [];

  const open = async (options: InstanceOptions = {}): Promise<WebInstance> => {
    const instance = await WebInstance.open(redis.url, { prefix, job: stepped.job, ...options });
    instances.push(instance);
    return instance;
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    stepped = new SteppedJob();
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    await Promise.all(instances.splice(0).map((instance) => instance.close()));
  });

  const calls = async (command: string): Promise<number> => {
    const text = String(await instances[0]!.client.command('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1] ?? 0);
  };

  it('starts on one, is followed on the second, and resumes on the third, each event once', async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 10);
    await starter.untilSeq(10);
    const live = b.follower(starter.resumeKey);
    await live.untilSeq(10);
    await stepped.emit(11, 20);
    await live.untilSeq(20);
    live.close();
    await stepped.emit(21, 30);
    const resumed = c.resume(starter.resumeKey, 20);
    await resumed.untilSeq(30);
    stepped.end();
    await Promise.all([starter.untilEnded(), resumed.untilEnded()]);
    expect(starter.seqs).toEqual(range(1, 31));
    expect(live.seqs).toEqual(range(1, 20));
    expect(resumed.seqs).toEqual(range(21, 31));
    expect(resumed.events.map(({ data }) => data)).toEqual(starter.events.slice(20).map(({ data }) => data));
    expect(resumed.last).toMatchObject({ event: 'complete', seq: 31 });
    expect((await c.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'completed', last_seq: 31 });
    const again = b.resume(starter.resumeKey, 31);
    await again.untilEnded();
    expect(again.status).toBe(204);
  });

  it('is cancelled, looked up and listed from any instance, by its owner alone', async () => {
    const [a, b] = [await open(), await open()];
    const ann = { headers: { 'x-user': 'ann' } };
    const starter = a.follow('/job', ann.headers);
    const context = await stepped.started();
    await stepped.emit(1, 1);
    await starter.untilSeq(1);
    const { taskId } = starter;
    expect((await b.json(`/tasks/${taskId}`, ann)).body).toMatchObject({ status: 'running', progress: { n: 1 } });
    expect((await b.json('/tasks', ann)).body).toMatchObject({ tasks: [{ task_id: taskId }] });
    for (const headers of [{}, { 'x-user': 'bob' }]) {
      expect((await b.json(`/tasks/${taskId}`, { headers })).status).toBe(404);
      expect((await b.json(`/tasks/${taskId}`, { headers, method: 'DELETE' })).status).toBe(404);
    }
    expect((await b.json(`/tasks/${taskId}`, { ...ann, method: 'DELETE' })).status).toBe(204);
    await starter.untilEnded();
    expect(starter.last).toMatchObject({ event: 'cancelled', seq: 2 });
    expect(context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
    expect((await a.json(`/tasks/${taskId}`, { ...ann, method: 'DELETE' })).status).toBe(409);
  });

  it('runs once for a hundred identical starts on two instances at the same time', async () => {
    const [a, b] = [await open(), await open()];
    const followers = range(1, 100).map((n) => (n % 2 ? a : b).follow('/job', { 'idempotency-key': 'once' }));
    await stepped.started();
    await Promise.all(followers.map((follower) => follower.until(({ frames }) => frames.length > 0)));
    await stepped.emit(1, 3);
    await Promise.all(followers.map((follower) => follower.untilSeq(3)));
    stepped.end();
    await Promise.all(followers.map((follower) => follower.untilEnded()));
    expect(new Set(followers.map(({ taskId }) => taskId)).size).toBe(1);
    for (const follower of followers) expect(follower.seqs).toEqual([1, 2, 3, 4]);
    expect(stepped.runs).toBe(1);
    expect(await a.manager.listTasks()).toHaveLength(1);
  });

  it('counts subscribers on all instances, and lets those without a position go on where they left off', async () => {
    const [a, b] = [await open(), await open()];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    const context = await stepped.started();
    const guest = b.follower(starter.resumeKey, { 'x-subscriber': 'tab' });
    await until(() => context.subscriberCount === 2);
    await stepped.emit(1, 5);
    await guest.untilSeq(5);
    guest.close();
    await until(() => context.subscriberCount === 1);
    await stepped.emit(6, 8);
    const back = a.follower(starter.resumeKey, { 'x-subscriber': 'tab' });
    await back.untilSeq(8);
    expect(back.seqs).toEqual([6, 7, 8]);
  });

  it('causes hardly any reads in Redis, for fifty subscribers of an instance as for one', async () => {
    const [a, b] = [await open(), await open()];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    const read = async (subscribers: number, from: number): Promise<number> => {
      const followers = range(1, subscribers).map(() => b.resume(starter.resumeKey, from - 1));
      await Promise.all(followers.map((follower) => follower.until(({ frames }) => frames.length > 0)));
      const before = await calls('xrange');
      for (let n = from; n < from + 20; n++) {
        await stepped.emit(n, n);
        await Promise.all(followers.map((follower) => follower.untilSeq(n)));
      }
      return (await calls('xrange')) - before;
    };
    const one = await read(1, 1);
    const fifty = await read(50, 21);
    expect(one).toBeLessThanOrEqual(3); // small events come with the notification; only the start is read
    expect(fifty).toBeLessThanOrEqual(3);
  });

  it('needs two connections per instance, for one task as for two hundred', async () => {
    const connections = async (client: WebInstance['client']): Promise<number> =>
      String(await client.command('CLIENT', 'LIST'))
        .trim()
        .split('\n').length;
    const before = await redisConnections();
    const a = await open();
    a.follow();
    await stepped.started();
    await until(async () => (await connections(a.client)) === before + 2);
    range(2, 200).forEach(() => a.follow());
    await stepped.started(200);
    expect(await connections(a.client)).toBe(before + 2);
  });

  async function redisConnections(): Promise<number> {
    const probe = await WebInstance.open(redis.url, { prefix: `${randomUUID()}:` });
    const list = String(await probe.client.command('CLIENT', 'LIST'))
      .trim()
      .split('\n');
    await probe.close();
    return list.length - 1;
  }

  it('sends what one tick appends as one script call', async () => {
    const a = await open();
    a.follow();
    await stepped.started();
    await stepped.emit(1, 1);
    const before = await calls('evalsha');
    await stepped.emit(2, 1_001);
    expect((await calls('evalsha')) - before).toBeLessThanOrEqual(4); // one, and the watch of other instances
    expect(await a.manager.getTaskInfo(stepped.context.taskId)).toMatchObject({ lastSeq: 1_001 });
  });

  it('delivers nothing that Redis has not acknowledged', async () => {
    const held = new WithheldReplies();
    const a = await open({ wrap: held.wrap });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 1);
    await starter.untilSeq(1);
    held.hold();
    let committed = false;
    const commit = stepped.emit(2, 2).then(() => (committed = true));
    await held.arrived(); // Redis has it and said so, and the store has not heard of it
    const beat = a.follow('/tasks/none'); // a whole request and answer later
    await beat.untilEnded();
    expect(committed).toBe(false);
    expect(starter.seqs).toEqual([1]);
    held.release();
    await commit;
    await starter.untilSeq(2);
  });

  it('appends once although the acknowledgement was lost', async () => {
    const held = new WithheldReplies();
    const a = await open({ wrap: held.wrap });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 1);
    held.loseNext = 3;
    await stepped.emit(2, 4);
    await stepped.emit(5, 5);
    stepped.end();
    await starter.untilEnded();
    expect(held.loseNext).toBeLessThan(3);
    expect(starter.seqs).toEqual(range(1, 6));
    const other = (await open()).resume(starter.resumeKey);
    await other.untilEnded();
    expect(other.events).toEqual(starter.events);
  });
});
