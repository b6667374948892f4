import { createTaskManager, TaskError } from '../../../lib/index.js';
import { useStartedTasks, type StartedTask } from '../../support/jobs/started-task.js';
import { fakeRequest } from '../../support/sse/fake-request.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

const start = useStartedTasks();

describe('a task that has ended', () => {
  const ENDS: [how: string, end: (started: StartedTask) => unknown][] = [
    ['completed', ({ finish }) => finish()],
    ['failed', ({ fail }) => fail(new Error('no'))],
    ['completed from outside', ({ tasks, stream }) => tasks.completeTask(stream.taskId, 'completed', 1)],
    ['failed from outside', ({ tasks, stream }) => tasks.completeTask(stream.taskId, 'failed')],
    ['cancelled', ({ tasks, stream }) => tasks.cancelTask(stream.taskId)],
  ];

  it.each(ENDS)('keeps its first outcome and accepts nothing more, when %s', async (_how, end) => {
    const started = await start({ clock: new ManualClock() });
    const { tasks, stream, context, finish, fail } = started;
    end(started);
    for await (const _event of stream);
    const before = await tasks.getTaskInfo(stream.taskId);
    const refused = expect.objectContaining({ code: 'TASK_NOT_RUNNING' });
    await expect(context.updateProgress(1)).rejects.toEqual(refused);
    await expect(context.emit('late', 1)).rejects.toEqual(refused);
    await expect(tasks.updateProgress(stream.taskId, 1)).rejects.toEqual(refused);
    await expect(tasks.completeTask(stream.taskId, 'completed', 'second')).rejects.toEqual(refused);
    await expect(tasks.completeTask(stream.taskId, 'failed')).rejects.toEqual(refused);
    expect(await tasks.cancelTask(stream.taskId)).toBe(false);
    finish('second');
    fail(new Error('second'));
    await new Promise(setImmediate);
    expect(await tasks.getTaskInfo(stream.taskId)).toEqual(before);
  });
});

describe('a job', () => {
  const SECRET = 'at /srv/secret';
  const FAILURES: [how: string, job: () => unknown][] = [
    ['throws at once', () => throwThis(new Error(SECRET))],
    ['rejects', () => Promise.reject(new Error(SECRET))],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    ['rejects with nothing', () => Promise.reject()],
    ['throws a string', () => throwThis(SECRET)],
    ['throws null', () => throwThis(null)],
    ['throws an object that cannot be read', () => throwThis(new Proxy({}, { get: () => throwThis(SECRET) }))],
  ];

  it.each(FAILURES)('that %s ends with one `failed` event that shows nothing of the error', async (_how, job) => {
    const errors: unknown[] = [];
    const tasks = createTaskManager({ onTaskError: (error) => errors.push(error) });
    const stream = await tasks.executeWithSSE(fakeRequest(), undefined, undefined, job);
    const events = [];
    for await (const event of stream) events.push(event);
    await tasks.stop();
    const error = { code: 'TASK_FAILED', message: 'The task failed' };
    expect(events).toEqual([{ kind: 'failed', seq: 1, error }]);
    expect(errors).toHaveLength(1);
  });

  it('that never returns ends with TASK_TIMEOUT, and its signal aborts', async () => {
    const clock = new ManualClock();
    const { stream, context } = await start({ clock, timeoutMs: 60_000 });
    clock.advance(59_999);
    expect(context.signal.aborted).toBe(false);
    clock.advance(1);
    expect(context.signal.reason).toMatchObject({ code: 'TASK_TIMEOUT' });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events).toEqual([{ kind: 'failed', seq: 1, error: expect.objectContaining({ code: 'TASK_TIMEOUT' }) }]);
  });

  it('shows clients its own TaskError, and any error with exposeErrors', async () => {
    const own = await start();
    own.fail(new TaskError('INVALID_INPUT', 'Row 7'));
    for await (const event of own.stream)
      expect(event).toMatchObject({ error: { code: 'INVALID_INPUT', message: 'Row 7' } });
    const exposed = await start({ exposeErrors: true });
    exposed.fail(new Error('Disk full'));
    for await (const event of exposed.stream) {
      expect(event).toMatchObject({ error: { code: 'TASK_FAILED', message: 'Disk full' } });
    }
    expect.assertions(2);
  });

  it.each([
    ['an error', new Error('in the hook')],
    ['what cannot be read', new Proxy({}, { get: () => throwThis('no') })],
  ])('survives an onTaskError that throws %s, which becomes a warning', async (_what, thrown) => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const { fail, stream } = await start({ onTaskError: () => throwThis(thrown) });
    fail(new Error('no'));
    const kinds = [];
    for await (const { kind } of stream) kinds.push(kind);
    expect(kinds).toEqual(['failed']);
    expect(warn.mock.calls).toEqual([[expect.any(String), { type: 'CallbackWarning', detail: 'in onTaskError' }]]);
    warn.mockRestore();
  });

  it('that fails causes a warning where there is no onTaskError', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const { fail, stream } = await start({ onTaskError: undefined as never });
    fail(new Error('Disk full'));
    for await (const event of stream) expect(JSON.stringify(event)).not.toContain('Disk full');
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('Disk full'), {
      type: 'TaskErrorWarning',
      detail: `in task ${stream.taskId}`,
    });
    warn.mockRestore();
  });

  it('that throws a TaskError on purpose causes no warning: its client has been told', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const { fail, stream } = await start({ onTaskError: undefined as never });
    fail(new TaskError('INVALID_INPUT', 'Row 7'));
    for await (const event of stream) expect(event).toMatchObject({ error: { code: 'INVALID_INPUT' } });
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});

function throwThis(value: unknown): never {
  throw value;
}
