import { createTaskManager, TaskError, type TaskContext, type TaskManagerOptions } from '../../lib/index.js';
import { MemoryResponse, fakeRequest } from '../support/sse/memory-response.js';
import { ManualClock } from '../support/clock/manual-clock.js';
import { ProcessGuard } from '../support/processes/process-guard.js';
import { turns } from './property.js';
import { Wire } from './wire.js';

/* What the model has found, each in the fewest steps. */

/** A manager with one task, whose job waits for what the test does with it. */
async function startOne(options: TaskManagerOptions = {}) {
  const clock = new ManualClock();
  const manager = createTaskManager({ clock, onTaskError: () => undefined, ...options });
  let context!: TaskContext;
  let finish!: (result?: unknown) => void;
  let fail!: (error: unknown) => void;
  const { taskId, resumeKey } = await manager.startTask(fakeRequest('/job'), (given) => {
    context = given;
    return new Promise((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
  });
  await turns(1);
  const attach = (lastEventId: string | undefined, subscriberId?: string) => {
    const req = fakeRequest('/job', lastEventId === undefined ? {} : { 'last-event-id': lastEventId });
    return manager.executeWithSSE(req, resumeKey, subscriberId, () => undefined);
  };
  const watch = async (lastEventId?: string, taking = true) => {
    const wire = new Wire();
    const response = new MemoryResponse({
      taking,
      highWaterMark: 1,
      onReceive: (bytes) => {
        wire.feed(bytes);
      },
    });
    void (await attach(lastEventId)).pipe(response.res);
    await turns(1);
    return { response, wire };
  };
  return { clock, manager, taskId, resumeKey, context, finish, fail, attach, watch };
}

it('counts the bytes that a log keeps right after it has dropped older ones', async () => {
  const { manager, taskId, resumeKey, context } = await startOne({ maxBytesPerTask: 2_048, maxEventBytes: 500 });
  for (let n = 0; n < 20; n++) await context.updateProgress('x'.repeat(400));
  const { firstKeptSeq, bufferedBytes } = await manager.getTaskInfo(taskId);
  let expected = 0;
  for (let seq = firstKeptSeq; seq <= 20; seq++) {
    expected += `data: "${'x'.repeat(400)}"\nid: ${resumeKey}.${seq}\n\n`.length;
  }
  expect(firstKeptSeq).toBeGreaterThan(1);
  expect(bufferedBytes).toBe(expected);
});

it.each(['a failure', 'a cancellation'])('keeps the budgets whatever %s has to say', async (end) => {
  const task = await startOne({ maxBytesPerTask: 4_096, maxBufferedBytes: 8_192, maxEventBytes: 600 });
  const text = '\u0001'.repeat(100_000);
  if (end === 'a failure') task.fail(new TaskError('TASK_FAILED', text));
  else await task.manager.cancelTask(task.taskId, text);
  await turns(1);
  const { bufferedBytes, error } = await task.manager.getTaskInfo(task.taskId);
  expect(bufferedBytes).toBeLessThanOrEqual(600 + 1_024);
  expect(task.manager.getStatistics().bufferedBytes).toBeLessThanOrEqual(4_096);
  const told = error!.message.replace(/…$/, '');
  expect(told.length).toBeGreaterThan(40);
  expect(text.startsWith(told)).toBe(true);
});

it('tells the end of a task that has filled the whole memory', async () => {
  const { manager, taskId, context, finish, watch } = await startOne({ maxBufferedBytes: 8_192, maxEventBytes: 1_000 });
  const { wire, response } = await watch();
  for (let n = 0; n < 40; n++) void context.updateProgress('x'.repeat(400));
  finish('done');
  await turns(4);
  expect(wire.events.at(-1)).toMatchObject({ event: 'complete' });
  expect(response.ended).toBe(true);
  await expect(manager.getTaskInfo(taskId)).resolves.toMatchObject({ status: 'completed', result: 'done' });
});

it('tells how the task ends to a client that came with a position ahead of the log and took nothing at first', async () => {
  const { resumeKey, context, finish, watch } = await startOne();
  await context.updateProgress(1);
  const { wire, response } = await watch(`${resumeKey}.7`, false);
  void context.updateProgress(2);
  finish();
  await turns(4);
  response.taking = true;
  response.take(Infinity);
  await turns(4);
  expect(wire.events.map(({ event, id }) => [event, id])).toEqual([
    ['task', `${resumeKey}.7`],
    ['gap', `${resumeKey}.1`],
    [undefined, `${resumeKey}.2`],
    ['complete', `${resumeKey}.3`],
  ]);
});

it('gives a subscriber that left its iterator after the second of many events the third when it comes back', async () => {
  const { context, finish, attach } = await startOne();
  for (let n = 1; n <= 10; n++) void context.updateProgress(n);
  const seen: number[] = [];
  for await (const event of await attach(undefined, 'phone')) {
    if (event.kind === 'progress') seen.push(event.seq);
    if (seen.length === 2) break;
  }
  finish();
  for await (const event of await attach(undefined, 'phone')) if (event.kind === 'progress') seen.push(event.seq);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

it.each([
  ['throws', false],
  ['returns a promise that rejects', true],
])('survives an onTaskError hook that %s', async (_, later) => {
  const guard = new ProcessGuard();
  const onTaskError = (): unknown => {
    if (later) return Promise.reject(new RangeError('hook'));
    throw new RangeError('hook');
  };
  try {
    const { manager, taskId, fail, watch } = await startOne({ onTaskError });
    const { wire } = await watch();
    fail(new Error('job'));
    await turns(4);
    expect(wire.events.at(-1)).toMatchObject({ event: 'failed' });
    await expect(manager.getTaskInfo(taskId)).resolves.toMatchObject({ status: 'failed' });
    // A hook that fails is worth a warning, never the process.
    expect(guard.take()).toEqual([expect.stringMatching(/^warning: .*RangeError: hook/)]);
  } finally {
    guard.close();
  }
});
