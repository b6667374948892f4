import { ANSWERED, expectRefused, untilServed, useFailingRedis } from '../support/redis/failing-redis.js';
import { describeWithRedisServer } from '../support/redis/redis-server.js';
import { codeOf } from '../support/stores/store-fixtures.js';
import { range } from '../support/jobs/stepped-job.js';
import { until } from '../support/clock/until.js';

jest.setTimeout(120_000);

describeWithRedisServer('a Redis that cannot be reached, or refuses to write', () => {
  const fixture = useFailingRedis();
  const { server, web, running } = fixture;

  it('is down at the start: starts get 503 in time, and everything works once it is up', async () => {
    await server();
    await fixture.redis.kill();
    const a = await web();
    await expectRefused(a);
    await fixture.redis.run();
    await untilServed(a);
  });

  it('is killed and returns with its file: after a pause, exactly the acknowledged events are there', async () => {
    await server('--appendonly', 'yes', '--appendfsync', 'always');
    const { a, b, starter, guest } = await running();
    await fixture.redis.kill();
    const pause = fixture.stepped.emit(6, 6).then(() => 'committed');
    await Promise.all([expectRefused(a), expectRefused(b)]);
    const outcome = await pause.catch((error: unknown) => (error as { code: string }).code);
    await fixture.redis.run('--appendonly', 'yes', '--appendfsync', 'always');
    expect(outcome).toBe('STORE_UNAVAILABLE');
    await until(async () => (await codeOf(() => fixture.stepped.context.updateProgress({ n: 7 }))) === undefined);
    fixture.stepped.end();
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    expect(starter.seqs).toEqual(range(1, starter.last!.seq));
    expect(guest.events).toEqual(starter.events);
    expect(starter.last).toMatchObject({ event: 'complete' });
    const late = b.resume(starter.resumeKey);
    await late.untilEnded();
    expect(late.events).toEqual(starter.events);
  });

  it('returns in time: a job that awaits its progress notices nothing', async () => {
    await server('--appendonly', 'yes', '--appendfsync', 'always');
    const a = await web({ storeTimeoutMs: 20_000, appendPatienceMs: 20_000 });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await fixture.stepped.started();
    await fixture.stepped.emit(1, 5);
    await fixture.redis.kill();
    const pause = fixture.stepped.emit(6, 10);
    await fixture.redis.run('--appendonly', 'yes', '--appendfsync', 'always');
    await pause;
    fixture.stepped.end();
    await starter.untilEnded();
    expect(starter.seqs).toEqual(range(1, 11));
    expect(starter.events.map(({ data }) => data).slice(0, 10)).toEqual(range(1, 10).map((n) => `{"n":${n}}`));
  });

  it('is paused: starts are refused in time, the queue is bounded, nothing is lost and no task is given up', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    fixture.redis.pause();
    await Promise.all([expectRefused(a), expectRefused(b)]);
    const codes = await Promise.all(
      range(1, 200).map(() => codeOf(() => fixture.stepped.context.updateProgress({ n: 0 }))),
    );
    expect(new Set(codes)).toEqual(new Set(['STORE_UNAVAILABLE']));
    for (let n = 0; n < 50; n++) await expectRefused(a);
    fixture.redis.resume();
    await untilServed(b);
    await until(async () => (await codeOf(() => fixture.stepped.context.updateProgress({ n: 6 }))) === undefined);
    fixture.stepped.context.signal.throwIfAborted();
    const { lastSeq } = await a.manager.getTaskInfo(starter.taskId);
    await Promise.all([starter.untilSeq(lastSeq), guest.untilSeq(lastSeq)]);
    expect(starter.seqs).toEqual(range(1, lastSeq));
    expect(guest.events).toEqual(starter.events);
  });

  it('is full: appends are refused while reads go on, and it goes on when there is room', async () => {
    await server('--maxmemory-policy', 'noeviction');
    const { a, b, starter } = await running(ANSWERED);
    await a.client.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await codeOf(() => fixture.stepped.context.updateProgress({ n: 6 }))).toBe('STORE_UNAVAILABLE');
    await expectRefused(a);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'running', last_seq: 5 });
    const reader = await b.resume(starter.resumeKey).untilSeq(5);
    await a.client.command('CONFIG', 'SET', 'maxmemory', '0');
    await fixture.stepped.emit(6, 6);
    await reader.untilSeq(6);
    expect(reader.seqs).toEqual(range(1, 6));
  });

  it('cannot write its disk: appends are refused while reads go on', async () => {
    await server();
    const { a, b, starter } = await running(ANSWERED);
    // The state that a full disk leaves behind: the last save failed, and writes stop because of it.
    await a.client.command('CONFIG', 'SET', 'save', '3600 1');
    fixture.redis.breakDirectory();
    await a.client.command('BGSAVE');
    await until(async () => String(await a.client.command('INFO', 'persistence')).includes('last_bgsave_status:err'));
    expect(await codeOf(() => fixture.stepped.context.updateProgress({ n: 6 }))).toBe('STORE_UNAVAILABLE');
    const reader = await b.resume(starter.resumeKey).untilSeq(5);
    await a.client.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    await fixture.stepped.emit(6, 6);
    await reader.untilSeq(6);
    expect(reader.seqs).toEqual(range(1, 6));
  });

  it('keeps losing its subscribing connections: no event is missed', async () => {
    await server();
    const { a, starter, guest } = await running();
    for (let n = 6; n <= 60; n++) {
      if (n % 3 === 0) await a.client.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await fixture.stepped.emit(n, n);
    }
    fixture.stepped.end();
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    expect(guest.seqs).toEqual(range(1, 61));
    expect(guest.events).toEqual(starter.events);
  });
});
