import { describeWithRedisServer } from '../support/redis/redis-server.js';
import { useSharedRedis } from '../support/redis/shared-redis.js';
import { until } from '../support/clock/until.js';
import type { SseFollower } from '../support/sse/sse-follower.js';
import { range } from '../support/jobs/stepped-job.js';

const LEASE_MS = 1_000;
/** Lease + 2 s, as promised, and a second for a machine that does other things as well. */
const NOTICED_MS = LEASE_MS + 3_000;

jest.setTimeout(120_000);

describeWithRedisServer('an instance that dies or freezes', () => {
  const { child, web } = useSharedRedis('redis-lost', { leaseMs: LEASE_MS });
  const lostWithin = async (followers: readonly SseFollower[], ms: number): Promise<void> => {
    const since = performance.now();
    await Promise.all(followers.map((follower) => follower.untilEnded()));
    expect(performance.now() - since).toBeLessThan(ms);
    for (const follower of followers) {
      expect(follower.seqs).toEqual(range(1, follower.last!.seq)); // no hole, nothing twice
      expect(follower.events.filter(({ event }) => event !== undefined)).toHaveLength(1);
      expect(follower.last).toMatchObject({ event: 'failed' });
      expect(JSON.parse(follower.last!.data)).toMatchObject({ error: { code: 'TASK_LOST' } });
    }
  };

  it('is noticed after kill -9: one TASK_LOST for all, everywhere, and no second run', async () => {
    const [a, b, c] = [await child(), await web(), await web()];
    const starter = await a.follow().untilSeq(5);
    const followers = [b, b, c].map((instance) => instance.resume(starter.resumeKey));
    await Promise.all(followers.map((follower) => follower.untilSeq(10)));
    a.signal('SIGKILL');
    await lostWithin(followers, NOTICED_MS);
    expect(new Set(followers.map(({ last }) => last!.seq)).size).toBe(1);
    const { body } = await c.json(`/tasks/${starter.taskId}`);
    expect(body).toMatchObject({ status: 'failed', attempt: 1, last_seq: followers[0]!.last!.seq });
    expect(body['error']).toMatchObject({ code: 'TASK_LOST' });
  });

  it('is fenced when it wakes up after its lease, and writes nothing more', async () => {
    const [a, b] = [await child(), await web()];
    const starter = await a.follow().untilSeq(5);
    const follower = await b.resume(starter.resumeKey).untilSeq(5);
    a.signal('SIGSTOP');
    await lostWithin([follower], NOTICED_MS);
    a.signal('SIGCONT');
    expect(await a.heard('aborted')).toMatchObject({ code: 'FENCED' });
    await starter.untilEnded();
    expect(starter.events).toEqual(follower.events);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ last_seq: follower.last!.seq });
  });

  it('loses nothing by a stall that is shorter than the lease', async () => {
    const [a, b] = [await child(), await web()];
    const starter = await a.follow('/job?to=60').untilSeq(5);
    const follower = await b.resume(starter.resumeKey).untilSeq(5);
    a.send({ kind: 'stall', ms: LEASE_MS * 0.5 });
    await a.heard('stalled');
    await Promise.all([starter.untilEnded(), follower.untilEnded()]);
    for (const each of [starter, follower]) {
      expect(each.seqs).toEqual(range(1, 61));
      expect(each.last).toMatchObject({ event: 'complete' });
    }
    expect(a.messages.filter(({ kind }) => kind === 'aborted')).toEqual([]);
  });

  it('is fenced after its event loop was blocked for longer than the lease', async () => {
    const [a, b] = [await child(), await web()];
    const starter = await a.follow().untilSeq(5);
    const follower = await b.resume(starter.resumeKey).untilSeq(5);
    a.send({ kind: 'stall', ms: LEASE_MS * 4 });
    await lostWithin([follower], NOTICED_MS);
    expect(await a.heard('aborted')).toMatchObject({ code: 'FENCED' });
    await starter.untilEnded();
    expect(starter.events).toEqual(follower.events);
  });

  it('takes no tasks of others with it, and its subscribers are no longer counted', async () => {
    const [gateway, executor, b] = [await child(), await child(), await web()];
    const starter = await executor.follow('/job?to=400').untilSeq(5);
    const through = await gateway.resume(starter.resumeKey, 5).untilSeq(20);
    const subscribers = async (): Promise<unknown> => (await b.json(`/tasks/${starter.taskId}`)).body['subscribers'];
    await until(async () => (await subscribers()) === 2);
    gateway.signal('SIGKILL');
    await through.untilEnded();
    const resumed = b.resume(starter.resumeKey, through.last!.seq);
    await until(async () => (await subscribers()) === 2); // one went with the gateway, one came
    await resumed.untilEnded();
    expect([...through.seqs, ...resumed.seqs]).toEqual(range(6, 401));
    expect(resumed.last).toMatchObject({ event: 'complete' });
  });

  it('has its task run again by the next instance that has the handler, from its last progress', async () => {
    const options = { onLost: 'restart' };
    const [a, b] = [await child(options), await child(options)];
    const starter = await a.follow('/job?to=200').untilSeq(20);
    const follower = await b.resume(starter.resumeKey, 0).untilSeq(20);
    a.signal('SIGKILL');
    const started = (): boolean => b.messages.some(({ kind }) => kind === 'started');
    const cursor = { 'last-event-id': `${starter.resumeKey}.20` };
    await until(async () => {
      if (started()) return true;
      const again = b.follow('/job?to=200', cursor); // its route can run the task, once its instance counts as dead
      await again.until(({ frames }) => frames.length > 0);
      again.close();
      return started();
    });
    expect(await b.heard('started')).toMatchObject({ attempt: 2 });
    await follower.untilEnded(); // it was there all the time
    expect(follower.seqs).toEqual(range(1, follower.last!.seq));
    expect(follower.last).toMatchObject({ event: 'complete' });
    const steps = follower.events.slice(0, -1).map(({ data }) => (JSON.parse(data) as { n: number }).n);
    expect(steps).toEqual(range(1, 200)); // `lastProgress` said where to go on
  });

  it('hands its tasks over when it is stopped, and its clients go on elsewhere without loss', async () => {
    const options = { onLost: 'restart' };
    const [a, b] = [await child(options), await child(options)];
    const starter = await a.follow('/job?to=150').untilSeq(20);
    a.send({ kind: 'stop', ms: 0 });
    await starter.untilEnded();
    await a.heard('stopped');
    const again = b.follow('/job?to=150', { 'last-event-id': `${starter.resumeKey}.${starter.last!.seq}` });
    await again.untilEnded();
    expect([...starter.seqs, ...again.seqs]).toEqual(range(1, again.last!.seq));
    expect(again.last).toMatchObject({ event: 'complete' });
    expect(await b.heard('started')).toMatchObject({ attempt: 2 });
  });

  it('lets its tasks finish when it is stopped with time to spare', async () => {
    const [a, b] = [await child(), await web()];
    const starter = await a.follow('/job?to=60').untilSeq(5);
    a.send({ kind: 'stop', ms: 10_000 });
    await starter.untilEnded();
    const again = b.resume(starter.resumeKey, starter.last!.seq);
    await again.untilEnded();
    expect([...starter.seqs, ...again.seqs]).toEqual(range(1, 61));
    expect(again.last).toMatchObject({ event: 'complete' });
    await a.heard('stopped');
  });
});
