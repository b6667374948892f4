import {
  createTaskManager,
  type TaskEvent,
  type TaskManager,
  type TaskManagerOptions,
  type TaskStream,
} from '../lib/index.js';
import { controlledJob, type ControlledRun } from './support/jobs/controlled-job.js';
import { fakeRequest } from './support/sse/fake-request.js';
import { ManualClock } from './support/clock/manual-clock.js';

const managers: TaskManager[] = [];
afterEach(async () => {
  for (const tasks of managers.splice(0)) await tasks.stop();
});

interface Started {
  readonly tasks: TaskManager;
  readonly run: ControlledRun;
  readonly stream: TaskStream;
  /** Another stream of the same task, after `seq`. */
  readonly attach: (seq?: number) => Promise<TaskStream>;
}

async function start(options: TaskManagerOptions = {}): Promise<Started> {
  const tasks = createTaskManager({ onTaskError: () => undefined, ...options });
  managers.push(tasks);
  const { job, run } = controlledJob();
  const stream = await tasks.executeWithSSE(fakeRequest(), undefined, undefined, job);
  const { resumeKey } = stream;
  const attach = (seq?: number): Promise<TaskStream> => {
    const request = fakeRequest('/', seq === undefined ? {} : { 'last-event-id': `${resumeKey}.${seq}` });
    return tasks.executeWithSSE(request, resumeKey, undefined, job);
  };
  return { tasks, run: await run(), stream, attach };
}

async function all(stream: TaskStream): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe('iterating a TaskStream', () => {
  it('gives progress, named events and the result, each with its seq', async () => {
    const { run, stream } = await start();
    await run.context.updateProgress({ step: 1 });
    await run.context.emit('note', ['a\nb']);
    run.finish({ rows: 3 });
    expect(await all(stream)).toEqual([
      { kind: 'progress', seq: 1, data: { step: 1 } },
      { kind: 'event', seq: 2, event: 'note', data: ['a\nb'] },
      { kind: 'complete', seq: 3, result: { rows: 3 } },
    ]);
  });

  it('gives a failure with its code', async () => {
    const { run, stream } = await start();
    run.fail(new Error('secret'));
    const error = { code: 'TASK_FAILED', message: 'The task failed' };
    expect(await all(stream)).toEqual([{ kind: 'failed', seq: 1, error }]);
  });

  it('gives a cancellation with its reason', async () => {
    const { tasks, stream } = await start();
    await tasks.cancelTask(stream.taskId, 'Enough');
    expect(await all(stream)).toEqual([{ kind: 'cancelled', seq: 1, code: 'TASK_CANCELLED', reason: 'Enough' }]);
  });

  it('gives a gap for what was trimmed', async () => {
    const { run, attach } = await start({ maxEventsPerTask: 8 });
    for (let step = 1; step <= 20; step++) await run.context.updateProgress({ step });
    const stream = await attach(2);
    run.finish();
    const [gap, next, ...rest] = await all(stream);
    expect(gap).toMatchObject({ kind: 'gap', from: 3, reason: 'trimmed' });
    expect(next).toMatchObject({ kind: 'progress', seq: (gap as { to: number }).to + 1 });
    expect(rest.at(-1)).toMatchObject({ kind: 'complete', seq: 21 });
  });

  it('gives a gap for a cursor that is ahead', async () => {
    const { run, attach } = await start();
    const events = (await attach(5))[Symbol.asyncIterator]();
    const gap = { kind: 'gap', from: 1, to: 5, reason: 'ahead' };
    expect(await events.next()).toEqual({ done: false, value: gap });
    await run.context.updateProgress('on');
    expect(await events.next()).toMatchObject({ value: { kind: 'progress', seq: 1 } });
  });

  it('waits for the next event', async () => {
    const { run, stream } = await start();
    const events = stream[Symbol.asyncIterator]();
    for (let step = 1; step <= 3; step++) {
      const next = events.next();
      await new Promise(setImmediate);
      await run.context.updateProgress({ step });
      expect(await next).toEqual({ done: false, value: { kind: 'progress', seq: step, data: { step } } });
    }
  });

  it('begins after the cursor, and reports that position', async () => {
    const { run, stream, attach } = await start();
    for (let step = 1; step <= 3; step++) await run.context.updateProgress({ step });
    const later = await attach(2);
    run.finish();
    expect(stream).toMatchObject({ resumed: false, position: 0, taskId: run.context.taskId });
    expect(later).toMatchObject({ resumed: true, position: 2, resumeKey: stream.resumeKey });
    expect((await all(later)).map(({ kind }) => kind)).toEqual(['progress', 'complete']);
  });

  it('ends at once for a cursor at the end', async () => {
    const { run, stream, attach } = await start();
    run.finish();
    await all(stream);
    expect(await all(await attach(1))).toEqual([]);
  });

  it('fails where the task is forgotten before it was read', async () => {
    const clock = new ManualClock();
    const { run, stream, attach } = await start({ clock, ttlMs: 1_000, sweepIntervalMs: 1_000 });
    await run.context.updateProgress(1);
    await run.context.updateProgress(2);
    const reading = (await attach())[Symbol.asyncIterator]();
    expect(await reading.next()).toMatchObject({ value: { seq: 1 } });
    run.finish();
    await all(stream);
    clock.advance(2_000);
    expect(await reading.next()).toMatchObject({ value: { seq: 2 } });
    await expect(reading.next()).rejects.toMatchObject({ code: 'TASK_EXPIRED' });
    await expect(all(stream)).rejects.toMatchObject({ code: 'TASK_EXPIRED' });
  });

  it.each([
    ['breaking out of the loop', breakOut],
    ['an error in the loop', throwInside],
  ])('detaches after %s, and the task does not notice', async (_what, leave) => {
    const { run, stream, tasks } = await start();
    await run.context.updateProgress(1);
    const seen: number[] = [];
    await leave(stream, () => seen.push(run.context.subscriberCount));
    expect(seen).toEqual([1]);
    expect(run.context.subscriberCount).toBe(0);
    expect(run.context.signal.aborted).toBe(false);
    expect((await tasks.getTaskInfo(stream.taskId)).status).toBe('running');
  });

  it('detaches after the end', async () => {
    const { run, stream, tasks } = await start();
    run.finish();
    await all(stream);
    expect((await tasks.getTaskInfo(stream.taskId)).subscribers).toBe(0);
  });

  it('attaches nobody before it begins', async () => {
    const { run } = await start();
    expect(run.context.subscriberCount).toBe(0);
  });

  it('can be done by several readers at once, and repeated', async () => {
    const { run, stream } = await start();
    await run.context.updateProgress(1);
    const both = Promise.all([all(stream), all(stream)]);
    await new Promise(setImmediate);
    expect(run.context.subscriberCount).toBe(2);
    run.finish();
    const [one, other] = await both;
    expect(one).toHaveLength(2);
    expect(other).toEqual(one);
    expect(await all(stream)).toEqual(one);
  });
});

async function breakOut(stream: TaskStream, look: () => void): Promise<void> {
  for await (const _event of stream) {
    look();
    break;
  }
}

async function throwInside(stream: TaskStream, look: () => void): Promise<void> {
  const read = async (): Promise<void> => {
    for await (const event of stream) {
      look();
      throw new Error(event.kind);
    }
  };
  await expect(read()).rejects.toThrow('progress');
}
