import { useFailingRedis } from '../support/redis/failing-redis.js';
import { describeWithRedisServer } from '../support/redis/redis-server.js';
import { claimOf, created, stored } from '../contracts/driver-steps.js';
import { openClient } from '../support/redis/redis-clients.js';
import { driverOn } from '../support/redis/redis-drivers.js';
import { codeOf } from '../support/stores/store-fixtures.js';
import { range } from '../support/jobs/stepped-job.js';
import { until } from '../support/clock/until.js';

jest.setTimeout(120_000);

describeWithRedisServer('a Redis that has lost data', () => {
  const fixture = useFailingRedis();
  const { server, web, running } = fixture;

  it('returns empty: the job is aborted with TASK_LOST, and clients get 404 and never another log', async () => {
    await server();
    const { b, starter, guest } = await running();
    await fixture.redis.kill();
    await fixture.redis.run();
    await until(
      async () => (await codeOf(() => fixture.stepped.context.updateProgress({ n: 6 }))) !== 'STORE_UNAVAILABLE',
    );
    await until(() => fixture.stepped.context.signal.aborted);
    expect(fixture.stepped.context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    await Promise.all([starter.untilEnded(), guest.untilEnded()]);
    for (const each of [starter, guest]) expect(each.seqs).toEqual(range(1, 5));
    const again = b.resume(starter.resumeKey, 5);
    await again.untilEnded();
    expect(again.status).toBe(404);
  });

  it('returns empty while the job is silent: the job is aborted with TASK_LOST all the same', async () => {
    await server();
    const a = await web({ leaseMs: 1_000 });
    const starter = await a.follow().until(({ frames }) => frames.length > 0);
    const context = await fixture.stepped.started();
    await until(() =>
      a.client.command('HLEN', `${fixture.prefix}{fleet}:instances`).then((count) => Number(count) > 0),
    );
    await fixture.redis.kill();
    await fixture.redis.run();
    await until(() => context.signal.aborted);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    await starter.untilEnded();
    expect(starter.last?.event).toBe('task'); // no end was made up
  });

  it('loses the events of a task: late readers get a gap, and the status agrees with it', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    await a.client.command('DEL', `${fixture.prefix}{${starter.taskId}}:events`);
    await fixture.stepped.emit(6, 7);
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
    fixture.stepped.end();
    await Promise.all([starter.untilEnded(), late.untilEnded(), guest.untilEnded()]);
    expect((await b.json(`/tasks/${starter.taskId}`)).body).toMatchObject({ status: 'completed', last_seq: 8 });
  });

  it('loses the record of a task: the job is aborted with TASK_LOST, and clients get 404', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    await a.client.command('DEL', `${fixture.prefix}{${starter.taskId}}:task`);
    await until(() => fixture.stepped.context.signal.aborted); // idle or not: the instance asks after what it runs
    expect(fixture.stepped.context.signal.reason).toMatchObject({ code: 'TASK_LOST' });
    expect(await codeOf(() => fixture.stepped.context.updateProgress({ n: 6 }))).toBe('TASK_NOT_RUNNING');
    await guest.untilEnded();
    expect((await b.json(`/tasks/${starter.taskId}`)).status).toBe(404);
  });

  it('loses the input of a task: its job is not run again without it, and the task can still be ended', async () => {
    await server();
    const client = await openClient(fixture.redis.url);
    const driver = driverOn(client, fixture.prefix);
    const [kept, lost, none] = [
      await created(driver, { input: '7' }),
      await created(driver, { input: '7' }),
      await created(driver),
    ];
    await client.command('DEL', `${fixture.prefix}{${lost.taskId}}:texts`);
    expect(await driver.claim(claimOf(kept))).toMatchObject({ won: { attempt: 2, input: '7' } });
    expect(await driver.claim(claimOf(none))).toMatchObject({ won: { attempt: 2 } });
    expect(await driver.claim(claimOf(lost))).toEqual({ lost: 'gone' });
    expect(await driver.claim(claimOf(lost, { attempt: lost.attempt }))).toMatchObject({ won: { attempt: 1 } });
    const { taskId, token, holder } = await stored(driver, lost.taskId);
    const ending = { status: 'failed', outcome: '{}', text: 'failed\n{}\n', bytes: 9 } as const;
    const end = {
      taskId,
      expected: { token, holder },
      instance: 'two',
      token: token + 1,
      attempt: 1,
      nonce: 'end',
      ending,
    };
    expect(await driver.claim(end)).toMatchObject({ won: { status: 'failed' } });
    await driver.close();
    client.close();
  });

  it('fails over to a replica without the last events: late readers get a gap, and no number stands for two events', async () => {
    await server();
    const { a, b, starter, guest } = await running();
    // An older copy takes over: the state of five events, after eight were acknowledged.
    const keys = ['task', 'events', 'texts'].map((kind) => `${fixture.prefix}{${starter.taskId}}:${kind}`);
    for (const key of keys) await a.client.command('COPY', key, `${key}:old`);
    await fixture.stepped.emit(6, 8);
    await Promise.all([starter.untilSeq(8), guest.untilSeq(8)]);
    for (const key of keys) await a.client.command('COPY', `${key}:old`, key, 'REPLACE');
    await fixture.stepped.emit(9, 9);
    const late = (await web()).resume(starter.resumeKey);
    await late.untilSeq(9);
    fixture.stepped.end();
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
