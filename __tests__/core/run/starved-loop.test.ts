import { createTaskManager, type TaskManager } from '../../../lib/index.js';
import type { TaskContext } from '../../../lib/core/task/task.js';
import { bareRequest } from '../../support/http/bare-request.js';
import { loopUntilTurn } from '../../support/clock/loop-until-turn.js';
import { ProcessGuard } from '../../support/processes/process-guard.js';

describe('A loop that only awaits', () => {
  let tasks: TaskManager;
  let context: TaskContext;
  const loops: [what: string, loop: () => Promise<unknown>][] = [
    ['progress of a task that has ended', () => context.updateProgress(1)],
    ['the same by the manager', () => tasks.updateProgress(context.taskId, 1)],
    ['progress of an unknown task', () => tasks.updateProgress('unknown', 1)],
    ['events of a task that has ended', () => context.emit('row', 1)],
    ['progress that is too large', () => context.updateProgress('x'.repeat(2_000))],
    ['progress that cannot be told', () => context.updateProgress(1n)],
    ['names that cannot be', () => context.emit('a\nb', 1)],
    ['the outcome of a task that has ended', () => tasks.completeTask(context.taskId, 'completed')],
    ['the status of a task', () => tasks.getTaskInfo(context.taskId)],
    ['the status of an unknown task', () => tasks.getTaskInfo('unknown')],
    ['what a task is found by', () => tasks.find({ taskId: context.taskId })],
    ['the list of tasks', () => tasks.listTasks({ limit: 1 })],
    ['a cancel of a task that has ended', () => tasks.cancelTask(context.taskId)],
    ['a cancel of an unknown task', () => tasks.cancelTask('unknown')],
    ['starts for which there is no room', () => tasks.start(() => 1)],
    ['the same for a request', () => tasks.startTask(bareRequest(), () => 1)],
    ['the same with a stream', () => tasks.executeWithSSE(bareRequest(), null, null, () => 1)],
  ];

  beforeEach(async () => {
    tasks = createTaskManager({ maxEventBytes: 1_024, maxRunningTasks: 1, onTaskError: () => undefined });
    const { taskId } = await tasks.startTask(bareRequest(), (given) => {
      context = given;
      return new Promise<void>(() => undefined);
    });
    await new Promise(setImmediate);
    await tasks.cancelTask(taskId);
  });

  it.each(loops)('lets other work run while it awaits %s', async (_what, call) => {
    expect(await loopUntilTurn(call)).toBe('the loop has turned');
  });
});

describe('Calls that nobody awaits', () => {
  let guard: ProcessGuard;
  beforeEach(() => {
    guard = new ProcessGuard();
  });
  afterEach(() => guard.close());

  it('cause no unhandled rejection when they are refused', async () => {
    const tasks = createTaskManager();
    const { taskId } = await tasks.startTask(bareRequest(), () => 1);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    void tasks.updateProgress(taskId, 1);
    void tasks.completeTask(taskId, 'completed');
    void tasks.completeTask(taskId, 'failed', new Error('late'));
    void tasks.cancelTask('unknown');
    void tasks.updateProgress('unknown', 1);
    for (let n = 0; n < 5; n++) await new Promise(setImmediate);
    expect(guard.take()).toEqual([]);
  });

  it('keep their order and their values, whichever of the functions is called', async () => {
    const tasks = createTaskManager();
    const stream = await tasks.executeWithSSE(bareRequest(), null, null, async (context, taskId) => {
      const row = { id: 1 };
      void tasks.updateProgress(taskId, row);
      row.id = 2;
      void context.updateProgress(row);
      row.id = 3;
      void tasks.updateProgress(taskId, row);
      row.id = 4;
      void context.emit('row', row);
      row.id = 5;
      void tasks.completeTask(taskId, 'completed', row);
      row.id = 6;
      void tasks.updateProgress(taskId, row);
    });
    const told = [];
    for await (const event of stream)
      told.push('data' in event ? event.data : 'result' in event ? event.result : event);
    expect(told).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }]);
  });
});
