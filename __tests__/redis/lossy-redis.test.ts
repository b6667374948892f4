import { randomUUID } from 'node:crypto';
import { startCutProxy } from '../support/http/cut-proxy.js';
import { openClient } from '../support/redis/redis-clients.js';
import { WebInstance, type InstanceOptions } from '../support/redis/redis-instances.js';
import { describeWithRedisServer, itWithDisk, RedisServer } from '../support/redis/redis-server.js';
import { until } from '../support/clock/until.js';
import type { SseFollower } from '../support/sse/sse-follower.js';
import { range, SteppedJob } from '../support/jobs/stepped-job.js';

jest.setTimeout(120_000);

describeWithRedisServer('a Redis that loses what it has acknowledged, or can take no more', () => {
  let stepped: SteppedJob;
  let prefix: string;
  const open: { close(): Promise<void> }[] = [];

  const closing = <T extends { close(): Promise<void> }>(what: T): T => {
    open.unshift(what); // the last first
    return what;
  };
  const web = async (redis: RedisServer, options: InstanceOptions = {}): Promise<WebInstance> =>
    closing(
      await WebInstance.open(redis.url, {
        prefix,
        job: stepped.job,
        storeTimeoutMs: 500,
        appendPatienceMs: 500,
        ...options,
      }),
    );
  const outcomeOf = async (commit: Promise<unknown>): Promise<string> =>
    commit.then(
      () => 'committed',
      (error: unknown) => (error as { code: string }).code,
    );
  /** A task on one instance that a client follows on another. */
  const running = async (redis: RedisServer) => {
    const [a, b] = [await web(redis), await web(redis)];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 5);
    return { a, b, starter, guest: await b.resume(starter.resumeKey).untilSeq(5) };
  };
  /** Every seq once and in order, or named by the gap before it. */
  const expectNoSilentHole = ({ events }: SseFollower, from = 1): void => {
    let next = from;
    for (const { event, seq, data } of events) {
      if (event === 'gap') {
        expect(JSON.parse(data)).toMatchObject({ from: next, to: seq });
      } else expect(seq).toBe(next);
      next = seq + 1;
    }
  };

  beforeEach(() => {
    stepped = new SteppedJob();
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
  });

  it.each(['events', 'task'])(
    'evicts keys (%s) as a cache does: the loss is reported, as a gap or as TASK_LOST',
    async (victim) => {
      const redis = closing(await RedisServer.start('--maxmemory-policy', 'volatile-random'));
      const { a, starter, guest } = await running(redis);
      const key = `${prefix}{${starter.taskId}}:${victim}`;
      const other = victim === 'events' ? 'task' : 'events';
      await a.client.command('PERSIST', `${prefix}{${starter.taskId}}:${other}`); // so that the one goes and not the other
      for (const index of ['list', '{fleet}:instances', `resume:${starter.resumeKey}`])
        await a.client.command('PERSIST', prefix + index);
      const used = Number(/used_memory:(\d+)/.exec(String(await a.client.command('INFO', 'memory')))?.[1]);
      await a.client.command('CONFIG', 'SET', 'maxmemory', String(used + 500_000));
      for (let n = 0; Number(await a.client.command('EXISTS', key)) === 1; n++) {
        await a.client.command('SET', `ballast:${n}`, 'x'.repeat(10_000)).catch(() => undefined);
        await a.client.command('SET', `volatile:${n}`, 'x', 'PX', '100000').catch(() => undefined);
      }
      await a.client.command('CONFIG', 'SET', 'maxmemory', '0');
      if (victim === 'task') {
        await until(() => stepped.context.signal.aborted);
        expect(stepped.context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
        await Promise.all([starter.untilEnded(), guest.untilEnded()]);
      } else {
        expect(await outcomeOf(stepped.emit(6, 6))).toBe('committed');
        const late = await (await web(redis)).resume(starter.resumeKey).untilSeq(6);
        expect(late.events.map(({ event, seq }) => [event, seq])).toEqual([
          ['gap', 5],
          [undefined, 6],
        ]);
        stepped.end();
        await Promise.all([starter.untilEnded(), guest.untilEnded(), late.untilEnded()]);
        expectNoSilentHole(late);
      }
      expectNoSilentHole(starter);
      expectNoSilentHole(guest);
    },
  );

  itWithDisk('fills its disk: appends are refused while reads go on, and it goes on when there is room', async () => {
    const redis = closing(
      (await RedisServer.onSmallDisk(6, '--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0'))!,
    );
    const { a, b, starter, guest } = await running(redis);
    const text = 'x'.repeat(100_000);
    let last = 5;
    const fill = async (): Promise<string> => outcomeOf(stepped.context.updateProgress({ n: last + 1, text }));
    let outcome: string;
    while ((outcome = await fill()) === 'committed') last++;
    expect(outcome).toBe('STORE_UNAVAILABLE');
    expect((await a.json('/job')).body).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'running', last_seq: last });
    const reader = await b.resume(starter.resumeKey, 5).untilSeq(last);
    expect(redis.resizeDisk(64)).toBe(true);
    await until(async () => (await fill()) === 'committed');
    const { lastSeq } = await a.manager.getTaskInfo(starter.taskId);
    stepped.end();
    await Promise.all([starter, guest, reader].map((each) => each.untilEnded()));
    for (const each of [starter, guest]) expect(each.seqs).toEqual(range(1, lastSeq + 1));
    expect(reader.seqs).toEqual(range(6, lastSeq + 1));
  });

  it('fails over to a replica that lags: late readers get a gap, and no number stands for two events', async () => {
    const primary = closing(await RedisServer.start());
    const replica = closing(await RedisServer.start());
    const { a, b, starter, guest } = await running(primary);
    const link = closing(await startCutProxy({ upstreamPort: primary.port }));
    const admin = await openClient(replica.url);
    await admin.command('REPLICAOF', '127.0.0.1', String(link.port));
    const stream = `${prefix}{${starter.taskId}}:events`;
    await until(async () => Number(await admin.command('XLEN', stream).catch(() => 0)) > 0);
    link.pause(); // what comes now is acknowledged, and never arrives there
    await stepped.emit(6, 8);
    await Promise.all([starter.untilSeq(8), guest.untilSeq(8)]);
    await primary.kill();
    await admin.command('REPLICAOF', 'NO', 'ONE');
    await admin.command('CONFIG', 'SET', 'port', String(primary.port)); // as behind one address
    admin.close();
    await until(async () => (await outcomeOf(stepped.context.updateProgress({ n: 9 }))) === 'committed');
    const { lastSeq } = await a.manager.getTaskInfo(starter.taskId);
    const late = await (await web(primary)).resume(starter.resumeKey).untilSeq(lastSeq);
    stepped.end();
    await Promise.all([starter, guest, late].map((each) => each.untilEnded()));
    for (const each of [starter, guest]) expect(each.seqs).toEqual(range(1, lastSeq + 1));
    expect(guest.events).toEqual(starter.events);
    expectNoSilentHole(late);
    expect(late.events.find(({ event }) => event === 'gap')).toMatchObject({ seq: 8 });
    expect(late.last).toEqual(starter.last);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({
      status: 'completed',
      last_seq: lastSeq + 1,
    });
  });
});
