import { randomUUID } from 'node:crypto';
import { WebInstance, type InstanceOptions } from '../support/redis-instances.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { range, SteppedJob } from '../support/stepped-job.js';
import type { SseFollower } from '../support/sse-follower.js';

const TIMEOUT_MS = 500;

jest.setTimeout(60_000);

describeWithRedisServer('a Redis that fails', () => {
  let redis: RedisServer;
  let stepped: SteppedJob;
  let prefix: string;
  const open: { close(): Promise<void> }[] = [];

  const server = async (...options: string[]): Promise<void> => {
    redis = await RedisServer.start(...options);
  };
  const web = async (options: InstanceOptions = {}): Promise<WebInstance> => {
    const instance = await WebInstance.open(redis.url, {
      ...{ prefix, job: stepped.job, storeTimeoutMs: TIMEOUT_MS, appendPatienceMs: TIMEOUT_MS },
      ...options,
    });
    open.push(instance);
    return instance;
  };
  /** A task on one instance that a client follows on another. */
  const running = async (): Promise<{ a: WebInstance; b: WebInstance; starter: SseFollower; guest: SseFollower }> => {
    const [a, b] = [await web(), await web()];
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 5);
    const guest = await b.resume(starter.resumeKey).untilSeq(5);
    return { a, b, starter, guest };
  };
  const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (error: unknown) => (error as { code?: string }).code,
    );
  /** How long a start takes to be refused, and how. */
  const refused = async (instance: WebInstance): Promise<void> => {
    const since = performance.now();
    const { status, body } = await instance.json('/job');
    expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'STORE_UNAVAILABLE' });
    expect(performance.now() - since).toBeLessThan(TIMEOUT_MS + 1_000);
  };
  const works = (instance: WebInstance): Promise<void> =>
    until(async () => {
      const probe = instance.follow();
      const ok = await probe.until(({ status }) => status !== 0).then(() => probe.status === 200);
      probe.close();
      return ok;
    });

  beforeEach(() => {
    stepped = new SteppedJob();
    prefix = `${randomUUID()}:`;
  });
  afterEach(async () => {
    redis.resume();
    await Promise.all(open.splice(0).map((each) => each.close()));
    await redis.close();
  });

  it('is down at the start: 503 in time, and everything works once it is there', async () => {
    await server();
    await redis.kill();
    const a = await web();
    await refused(a);
    await redis.run();
    await works(a);
  });

  it('is killed and comes back with its file: a pause, then exactly what was acknowledged', async () => {
    await server('--appendonly', 'yes', '--appendfsync', 'always');
    const { a, b, starter, guest } = await running();
    await redis.kill();
    const pause = stepped.emit(6, 6).then(() => 'committed');
    await Promise.all([refused(a), refused(b)]);
    const outcome = await pause.catch((error: unknown) => (error as { code: string }).code);
    await redis.run('--appendonly', 'yes', '--appendfsync', 'always');
    expect(outcome).toBe('STORE_UNAVAILABLE');
    await until(async () => (await codeOf(stepped.context.updateProgress({ n: 7 }))) === undefined);
    stepped.end();
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    expect(starter.seqs).toEqual(range(1, starter.last!.seq));
    expect(guest.events).toEqual(starter.events);
    expect(starter.last).toMatchObject({ event: 'complete' });
    const late = b.resume(starter.resumeKey);
    await late.untilEnded();
    expect(late.events).toEqual(starter.events);
  });

  it('comes back in time: the job that awaits its progress notices nothing', async () => {
    await server('--appendonly', 'yes', '--appendfsync', 'always');
    const a = await web({ storeTimeoutMs: 20_000, appendPatienceMs: 20_000 });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    await stepped.started();
    await stepped.emit(1, 5);
    await redis.kill();
    const pause = stepped.emit(6, 10);
    await redis.run('--appendonly', 'yes', '--appendfsync', 'always');
    await pause;
    stepped.end();
    await starter.untilEnded();
    expect(starter.seqs).toEqual(range(1, 11));
    expect(starter.events.map(({ data }) => data).slice(0, 10)).toEqual(range(1, 10).map((n) => `{"n":${n}}`));
  });

  it('comes back empty: the job is told, clients are cut off and find 404, never another log', async () => {
    await server();
    const { b, starter, guest } = await running();
    await redis.kill();
    await redis.run();
    await until(async () => (await codeOf(stepped.context.updateProgress({ n: 6 }))) !== 'STORE_UNAVAILABLE');
    await until(() => stepped.context.signal.aborted);
    expect(stepped.context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    for (const each of [starter, guest]) expect(each.seqs).toEqual(range(1, 5));
    const again = b.resume(starter.resumeKey, 5);
    await again.untilEnded();
    expect(again.status).toBe(404);
  });

  it('comes back empty while the job is silent: it is told all the same', async () => {
    await server();
    const a = await web({ leaseMs: 1_000 });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    const context = await stepped.started();
    await until(() => a.client.command('HLEN', `${prefix}{fleet}:instances`).then((count) => Number(count) > 0));
    await redis.kill();
    await redis.run();
    await until(() => context.signal.aborted);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    await starter.untilEnded();
    expect(starter.last?.event).toBe('task'); // no end was made up
  });

  it('is stopped for a while: refusals in time, a bounded queue, nothing lost and no task given up', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    redis.pause();
    await Promise.all([refused(a), refused(b)]);
    const codes = await Promise.all(range(1, 200).map(() => codeOf(stepped.context.updateProgress({ n: 0 }))));
    expect(new Set(codes)).toEqual(new Set(['STORE_UNAVAILABLE']));
    for (let n = 0; n < 50; n++) await refused(a);
    redis.resume();
    await works(b);
    await until(async () => (await codeOf(stepped.context.updateProgress({ n: 6 }))) === undefined);
    stepped.context.signal.throwIfAborted();
    const { lastSeq } = await a.manager.getTaskInfo(starter.taskId);
    await Promise.all([starter.untilSeq(lastSeq), guest.untilSeq(lastSeq)]);
    expect(starter.seqs).toEqual(range(1, lastSeq));
    expect(guest.events).toEqual(starter.events);
  });

  it('is full: appends are refused while reads go on, and it goes on when there is room', async () => {
    await server('--maxmemory-policy', 'noeviction');
    const { a, b, starter } = await running();
    await a.client.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await codeOf(stepped.context.updateProgress({ n: 6 }))).toBe('STORE_UNAVAILABLE');
    await refused(a);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'running', last_seq: 5 });
    const reader = await b.resume(starter.resumeKey).untilSeq(5);
    await a.client.command('CONFIG', 'SET', 'maxmemory', '0');
    await stepped.emit(6, 6);
    await reader.untilSeq(6);
    expect(reader.seqs).toEqual(range(1, 6));
  });

  it('cannot write its disk: appends are refused while reads go on', async () => {
    await server();
    const { a, b, starter } = await running();
    // The state that a full disk leaves behind: the last save failed, and writes stop because of it.
    await a.client.command('CONFIG', 'SET', 'save', '3600 1');
    redis.breakDirectory();
    await a.client.command('BGSAVE');
    await until(async () => String(await a.client.command('INFO', 'persistence')).includes('last_bgsave_status:err'));
    expect(await codeOf(stepped.context.updateProgress({ n: 6 }))).toBe('STORE_UNAVAILABLE');
    const reader = await b.resume(starter.resumeKey).untilSeq(5);
    await a.client.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    await stepped.emit(6, 6);
    await reader.untilSeq(6);
    expect(reader.seqs).toEqual(range(1, 6));
  });

  it('has its listening connections killed all the time: no event is missed', async () => {
    await server();
    const { a, starter, guest } = await running();
    for (let n = 6; n <= 60; n++) {
      if (n % 3 === 0) await a.client.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await stepped.emit(n, n);
    }
    stepped.end();
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    expect(guest.seqs).toEqual(range(1, 61));
    expect(guest.events).toEqual(starter.events);
  });

  it('loses the events of a task: late readers are told with a gap, and the status agrees', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    await a.client.command('DEL', `${prefix}{${starter.taskId}}:events`);
    await stepped.emit(6, 7);
    await guest.untilSeq(7);
    expect(guest.seqs).toEqual(range(1, 7));
    const { body } = await (await web()).json(`/tasks/${starter.taskId}`);
    expect(body).toMatchObject({ last_seq: 7, first_kept_seq: 6, buffered_events: 2 });
    const late = (await web()).resume(starter.resumeKey, 2);
    await late.untilSeq(7);
    expect(late.events.map(({ event, seq }) => [event, seq])).toEqual([
      ['gap', 5],
      [undefined, 6],
      [undefined, 7],
    ]);
    expect(JSON.parse(late.events[0]!.data)).toMatchObject({ from: 3, to: 5 });
    stepped.end();
    await Promise.all([starter.untilEnded(), late.untilEnded(), guest.untilEnded()]);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'completed', last_seq: 8 });
  });

  it('loses what is known of a task: the job is told and clients find 404', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    await a.client.command('DEL', `${prefix}{${starter.taskId}}:task`);
    await until(() => stepped.context.signal.aborted); // idle or not: the instance asks after what it runs
    expect(stepped.context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    expect(await codeOf(stepped.context.updateProgress({ n: 6 }))).toBe('TASK_NOT_RUNNING');
    await guest.untilEnded();
    expect((await b.json(`/tasks/${starter.taskId}`)).status).toBe(404);
  });

  it('fails over to a replica without the last events: a gap for late readers, and no seq stands for two events', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    // An older copy takes over: the state of five events, after eight were acknowledged.
    const keys = ['task', 'events', 'texts'].map((kind) => `${prefix}{${starter.taskId}}:${kind}`);
    for (const key of keys) await a.client.command('COPY', key, `${key}:old`);
    await stepped.emit(6, 8);
    await Promise.all([starter.untilSeq(8), guest.untilSeq(8)]);
    for (const key of keys) await a.client.command('COPY', `${key}:old`, key, 'REPLACE');
    await stepped.emit(9, 9);
    const late = (await web()).resume(starter.resumeKey);
    await late.untilSeq(9);
    stepped.end();
    await Promise.all([starter, guest, late].map((each) => each.untilEnded()));
    for (const each of [starter, guest]) expect(each.seqs).toEqual(range(1, 10));
    expect(guest.events).toEqual(starter.events);
    expect(late.events.map(({ event, seq }) => [event, seq])).toEqual([
      ...range(1, 5).map((seq) => [undefined, seq]),
      ['gap', 8],
      [undefined, 9],
      ['complete', 10],
    ]);
    expect(late.events.slice(6)).toEqual(starter.events.slice(8));
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'completed', last_seq: 10 });
  });
});
