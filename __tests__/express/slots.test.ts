import { TaskError } from '../../lib/index.js';
import { describeSlotRaces } from '../contracts/slot-races.js';
import { asShared, sharedMemory } from '../support/stores/memory-stores.js';
import { dataOf, leave, useChatServers } from '../support/servers/chat-server.js';

const start = useChatServers();
const ANN = { 'X-Owner': 'ann' };

describe('a slot', () => {
  it('takes one task at a time: a second start is refused with a link to the first', async () => {
    const { say, job, tasks } = await start();
    const first = await say('a');
    const refused = await say('a');
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ code: 'SLOT_BUSY', status: 409 });
    const taskId = first.headers.get('x-task-id');
    expect(refused.headers.get('link')).toBe(`</tasks/${taskId}>; rel="status"`);
    expect(refused.headers.get('content-location')).toBe(`/tasks/${taskId}/events`);
    expect(refused.headers.get('x-resume-key')).toBeNull();
    expect(job.calls).toBe(1);
    expect(await tasks.getTaskInfo(taskId!)).toMatchObject({ status: 'running', slot: 'a' });
    await first.body?.cancel();
  });

  it('belongs to its owner: the same name is another slot for another owner', async () => {
    const { say, resume, job } = await start();
    const [ann, bob] = [await say('a', ANN), await say('a', { 'X-Owner': 'bob' })];
    expect([ann.status, bob.status, job.calls]).toEqual([200, 200, 2]);
    expect((await resume('a')).status).toBe(204);
    const joined = await resume('a', { headers: ANN });
    expect(joined.headers.get('x-task-id')).toBe(ann.headers.get('x-task-id'));
    await leave(ann, bob, joined);
  });

  it('is free as soon as its task has ended, and not before', async () => {
    const { say, resume, job } = await start();
    const first = await say('a');
    (await job.run(1)).finish('done');
    expect(await dataOf(first)).toHaveLength(2);
    expect((await resume('a')).status).toBe(204);
    const second = await say('a');
    expect(second.status).toBe(200);
    (await job.run(2)).fail(new Error('x'));
    await dataOf(second);
    const third = await say('a');
    expect(third.status).toBe(200);
    await third.body?.cancel();
  });

  it('leads a start with onBusy "attach" to the task that runs', async () => {
    const { say, job } = await start({ handler: { onBusy: 'attach' } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => say('a')));
    expect(new Set(answers.map(({ headers }) => headers.get('x-task-id'))).size).toBe(1);
    expect(job.calls).toBe(1);
    (await job.run()).finish(7);
    for (const answer of answers) expect((await dataOf(answer)).at(-1)).toMatchObject({ result: 7 });
  });

  it('goes to a start with onBusy "interrupt" after the task that ran there has ended', async () => {
    const { say, job, tasks } = await start({ handler: { onBusy: 'interrupt' } });
    const first = await say('a');
    const { context } = await job.run(1);
    const second = await say('a');
    expect(await tasks.getTaskInfo(context.taskId)).toMatchObject({ status: 'cancelled' });
    expect(context.signal.reason).toMatchObject({ code: 'TASK_SUPERSEDED' });
    expect((await dataOf(first)).at(-1)).toMatchObject({ status: 'cancelled', code: 'TASK_SUPERSEDED' });
    expect(await tasks.find({ slot: 'a' })).toMatchObject({ taskId: second.headers.get('x-task-id') });
    await second.body?.cancel();
  });

  it('does not stand in the way of a repeated start', async () => {
    const { say, job } = await start();
    const key = { 'Idempotency-Key': 'once' };
    const answers = [await say('a', key), await say('a', key), await say('a')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 409]);
    expect(job.calls).toBe(1);
    await leave(...answers);
  });

  it('is checked before any input is read: a start that joins or is refused needs no place', async () => {
    const input = jest.fn(() => 'read');
    const limits = { maxRunningTasks: 1, maxTasksPerOwner: 1 };
    const attaching = await start({ ...limits, handler: { onBusy: 'attach', input } });
    const first = await attaching.say('a');
    const joined = await attaching.say('a');
    expect(joined.headers.get('x-task-id')).toBe(first.headers.get('x-task-id'));
    expect((await attaching.say('b')).status).toBe(503);
    const rejecting = await start({ ...limits, handler: { input } });
    const other = await rejecting.say('a');
    expect(await (await rejecting.say('a')).json()).toMatchObject({ code: 'SLOT_BUSY' });
    expect(input).toHaveBeenCalledTimes(2);
    await leave(first, joined, other);
  });

  it('gives its place to the interrupting start once the previous job has settled', async () => {
    const { say, job } = await start({ maxRunningTasks: 1, maxTasksPerOwner: 1, handler: { onBusy: 'interrupt' } });
    const first = await say('a');
    const run = await job.run(1);
    run.context.signal.addEventListener('abort', () => void setImmediate(run.finish));
    const second = await say('a');
    expect(second.status).toBe(200);
    await job.run(2);
    await leave(first, second);
  });

  it('keeps its task where the input of an interrupting start is refused', async () => {
    const read = jest.fn((): unknown => {
      throw new TaskError('INVALID_INPUT', 'no');
    });
    read.mockReturnValueOnce('read');
    const { say, job } = await start({ maxRunningTasks: 1, handler: { onBusy: 'interrupt', input: read } });
    const first = await say('a');
    const { context } = await job.run(1);
    expect((await say('a')).status).toBe(400);
    expect([context.signal.aborted, read.mock.calls.length]).toEqual([false, 2]);
    await leave(first);
  });

  it('is not taken by an interrupting start for which there is no place', async () => {
    const { store } = sharedMemory((memory) => void asShared(memory));
    const elsewhere = await start({ store, handler: { onBusy: 'interrupt' } });
    const here = await start({ store, maxRunningTasks: 1, handler: { onBusy: 'interrupt' } });
    const there = await elsewhere.say('a');
    const own = await here.say('b');
    expect((await here.say('a')).status).toBe(503);
    expect((await elsewhere.job.run()).context.signal.aborted).toBe(false);
    await leave(there, own);
  });

  it('is asked for only where a task may be started, and refuses an invalid name', async () => {
    let slot: unknown = 7;
    const { say, job } = await start({ handler: { slot: () => slot as string } });
    expect((await say('a')).status).toBe(500);
    slot = 'x'.repeat(257);
    expect((await say('a')).status).toBe(500);
    slot = '';
    expect((await say('a')).status).toBe(500);
    expect(job.calls).toBe(0);
    slot = undefined;
    const free = [await say('a'), await say('a')];
    expect(free.map(({ status }) => status)).toEqual([200, 200]);
    await leave(...free);
  });

  it('refuses invalid options', async () => {
    for (const handler of [
      { slot: 'a' },
      { onBusy: 'queue' },
      { slot: undefined, onBusy: 'attach' },
      { wire: 'morse' },
    ] as object[]) {
      await expect(start({ handler })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
  });
});

describe('the task in a slot', () => {
  it('is streamed from its start to every client, and answered with 204 where none runs', async () => {
    const { say, resume, job } = await start();
    expect((await resume('a')).status).toBe(204);
    const first = await say('a');
    const run = await job.run();
    await run.context.updateProgress({ n: 1 });
    const joined = await resume('a');
    run.finish('done');
    const [, ...events] = await dataOf(joined);
    expect(events).toEqual([{ n: 1 }, expect.objectContaining({ result: 'done' })]);
    expect((await dataOf(first)).slice(1)).toEqual(events);
  });

  it('goes on for a client that was cut, although the task has ended or another one runs there', async () => {
    const { say, resume, job } = await start();
    const first = await say('a');
    const run = await job.run();
    await run.context.updateProgress({ n: 1 });
    await run.context.updateProgress({ n: 2 });
    run.finish('done');
    await dataOf(first);
    const second = await say('a');
    const id = `${run.context.resumeKey}.1`;
    const back = await resume('a', { headers: { 'Last-Event-ID': id } });
    expect((await dataOf(back)).slice(1)).toEqual([{ n: 2 }, expect.objectContaining({ result: 'done' })]);
    expect((await resume('b', { headers: { 'Last-Event-ID': id } })).status).toBe(404);
    expect((await resume('a', { headers: { ...ANN, 'Last-Event-ID': id } })).status).toBe(404);
    await second.body?.cancel();
  });

  it('is cancelled by DELETE, whether or not anything runs', async () => {
    const { say, resume, job } = await start();
    const first = await say('a');
    const { context } = await job.run();
    expect((await resume('a', { method: 'DELETE', headers: ANN })).status).toBe(204);
    expect(context.signal.aborted).toBe(false);
    expect((await resume('a', { method: 'DELETE' })).status).toBe(204);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_CANCELLED' });
    expect((await resume('a', { method: 'DELETE' })).status).toBe(204);
    expect((await resume('a', { method: 'PUT' })).status).toBe(405);
    expect((await resume('a', { method: 'HEAD' })).status).toBe(405);
    await dataOf(first);
  });

  it('is found and started by the program, without a request', async () => {
    const { tasks, job, resume } = await start();
    const { taskId, resumeKey } = await tasks.start(job.job, { slot: 'a', owner: 'ann', input: { n: 1 } });
    const run = await job.run();
    expect(run.context.input).toEqual({ n: 1 });
    for (const ref of [{ taskId }, { resumeKey }, { slot: 'a', owner: 'ann' }]) {
      expect(await tasks.find(ref)).toMatchObject({ taskId, slot: 'a', owner: 'ann', status: 'running' });
    }
    for (const ref of [{ slot: 'a' }, { slot: 'b', owner: 'ann' }, { taskId: 'x' }]) {
      expect(await tasks.find(ref)).toBeUndefined();
    }
    await expect(tasks.start(job.job, { slot: 'a', owner: 'ann' })).rejects.toMatchObject({ code: 'SLOT_BUSY' });
    const joined = await resume('a', { headers: ANN });
    run.finish(1);
    expect((await dataOf(joined)).at(-1)).toMatchObject({ result: 1 });
    expect(await tasks.find({ slot: 'a', owner: 'ann' })).toBeUndefined();
  });

  it('is started once by the program under one idempotency key', async () => {
    const { tasks, job } = await start();
    const once = { idempotencyKey: 'once', input: { n: 1 } };
    const started = [await tasks.start(job.job, once), await tasks.start(job.job, once)];
    expect(started[1]).toEqual(started[0]);
    await expect(tasks.start(job.job, { ...once, input: { n: 2 } })).rejects.toMatchObject({ code: 'KEY_REUSED' });
    await expect(tasks.start(job.job, { solt: 'a' } as object)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await job.run();
    expect(job.calls).toBe(1);
  });
});

describeSlotRaces('slots in memory', async () => [(await start({ maxRunningTasks: Infinity })).tasks], 100);
