/** Commands that end tasks. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { TaskError } from '../../../lib/index.js';
import { command, hasTask, index, late, outside, padOf, pads } from './command.js';

const LONG = 'too long '.repeat(2_000);

export const end = command<{ task: number; how: string; outside: boolean; pad: string; bytes: number }>(
  'end',
  {
    task: index,
    how: fc.constantFrom('result', 'nothing', 'untellable', 'throw', 'throw nothing', 'TaskError', 'long TaskError'),
    outside,
    pad: pads,
    bytes: fc.nat(1_000),
  },
  async (world, { task: at, how, outside: fromOutside, pad, bytes }) => {
    const task = world.task(at);
    const { manager } = world;
    const complete = async (result: unknown): Promise<void> => {
      if (fromOutside) await manager.completeTask(task.taskId, 'completed', result);
      else task.resolve!(result);
    };
    const fail = async (error: unknown): Promise<void> => {
      if (fromOutside) await manager.completeTask(task.taskId, 'failed', error);
      else task.reject!(error);
    };
    if (task.status !== 'running') {
      if (fromOutside) await late(world, task, true, () => complete(1));
      return;
    }
    if (how === 'result' || how === 'nothing') {
      const room = Math.min(bytes, world.settings.maxEventBytes - 60);
      const result = how === 'result' ? task.payload(padOf(pad, room)) : undefined;
      await complete(result);
      world.end(task, 'completed', result === undefined ? {} : { result });
    } else {
      world.expectedReports++;
      if (how === 'untellable') await complete({ big: 1n });
      else if (how === 'throw') await fail(new Error('/etc/secret'));
      else if (how === 'throw nothing') await fail(undefined);
      else await fail(new TaskError('TASK_FAILED', how === 'TaskError' ? 'no more paper' : LONG));
      await world.settle();
      const { error } = await manager.getTaskInfo(task.taskId);
      const told = how.startsWith('throw') ? 'The task failed' : how === 'TaskError' ? 'no more paper' : error!.message;
      const code = how === 'untellable' ? 'UNSERIALIZABLE' : 'TASK_FAILED';
      assert.ok(
        how !== 'long TaskError' || (told.length > 50 && LONG.startsWith(told.replace(/…$/, ''))),
        'a long message is told from its start',
      );
      world.end(task, 'failed', { error: { code, message: told } });
    }
    await world.settle();
    await manager.getTaskInfo(task.taskId); // a task that has just ended is kept, however short memory is
  },
  hasTask,
);

export const cancel = command<{ task: number; reason: string | undefined }>(
  'cancel',
  { task: index, reason: fc.constantFrom(undefined, 'enough\n', '') },
  async (world, { task: at, reason }) => {
    const task = world.task(at);
    const act = (): Promise<boolean> => world.manager.cancelTask(task.taskId, reason);
    if (task.gone !== undefined) return world.rejects(act(), 'TASK_EXPIRED', 'TASK_NOT_FOUND');
    const running = task.status === 'running';
    assert.equal(await act(), running, 'the first outcome wins');
    if (!running) return;
    const code = 'TASK_CANCELLED';
    world.end(task, 'cancelled', { code, reason: reason ?? 'The task was cancelled' }, code);
  },
  hasTask,
);
