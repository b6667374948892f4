/** Compares a task of the library with that of the model. */
import { strict as assert } from 'node:assert';
import type { TaskInfo } from '../../lib/index.js';
import type { TaskModel } from './task-model.js';
import type { World } from './world.js';

/** A list tells neither progress nor result; a task that has just ended is asked for both. */
export async function checkListed(world: World, task: TaskModel, info: TaskInfo): Promise<void> {
  const { progress, result } = info;
  assert.deepEqual({ progress, result }, { progress: undefined, result: undefined });
  const hasEnded = task.status === 'running' && info.status !== 'running';
  const whole = hasEnded ? await world.manager.getTaskInfo(task.taskId) : undefined;
  checkTask(world, task, whole ?? info);
  if (whole === undefined) return;
  assert.equal(whole.progress === undefined ? undefined : JSON.stringify(whole.progress), task.progress);
  if (task.status !== 'completed') return;
  assert.deepEqual(whole.result, (JSON.parse(task.events.at(-1)!.json) as { result?: unknown }).result);
}

function checkTask(world: World, task: TaskModel, info: TaskInfo): void {
  const { name } = task;
  assert.equal(task.gone, undefined, `${name} came back`);
  if (task.status === 'running' && info.status !== 'running') {
    checkEnded(world, task, info.error!, world.now - (world.clock.wallNow() - info.endedAt!.getTime()));
  }
  if (task.status === 'running') checkDue(world, task);
  const { maxEventsPerTask, maxBytesPerTask, ttlMs, sweepIntervalMs } = world.settings;
  if (task.endedAt !== undefined && !world.stopped) {
    assert.ok(world.now < task.endedAt + ttlMs + sweepIntervalMs, `${name} is kept for too long`);
  }
  assert.equal(info.status, task.status, `status of ${name}`);
  assert.equal(info.lastSeq, task.events.length, `events of ${name}`);
  assert.ok(info.firstKeptSeq >= task.firstKept, `${name} has trimmed events back`);
  assert.ok(info.firstKeptSeq <= info.lastSeq + 1);
  task.firstKept = info.firstKeptSeq;
  task.seenAt = world.now;
  assert.equal(info.bufferedEvents, info.lastSeq + 1 - info.firstKeptSeq);
  assert.equal(info.bufferedBytes, task.wireBytes(info.firstKeptSeq), `wire bytes of ${name}`);
  assert.ok(info.bufferedEvents <= maxEventsPerTask, `${name} keeps too many events`);
  assert.ok(info.bufferedBytes <= maxBytesPerTask, `${name} keeps too many bytes`);
  const least = maxEventsPerTask + 1 - Math.ceil(maxEventsPerTask / 8);
  if (!world.pressed && maxBytesPerTask >= 2 ** 20) {
    assert.ok(info.bufferedEvents >= Math.min(task.events.length, least), `${name} was trimmed without need`);
  }
  if (!world.pressed && task.events.length > 0) assert.ok(info.bufferedEvents > 0, `${name} lost its last event`);
  assert.equal(info.subscribers, world.departed ? 0 : task.subscribers, `subscribers of ${name}`);
  assert.equal(info.owner, task.owner);
  assert.equal(info.attempt, 1);
  // The dates are shown by the wall clock, wherever it has jumped to; what is left of the retention is not.
  if (task.endedAt !== undefined) {
    const [shownAt, left] = world.home.outside
      ? [info.endedAt!.getTime(), ttlMs]
      : [world.clock.wallNow(), task.endedAt + ttlMs - world.now];
    assert.equal(info.expiresAt!.getTime() - shownAt, left);
  }
}

/** The library has ended a task by itself: was it due? */
function checkEnded(
  world: World,
  task: TaskModel,
  { code, message }: { code: string; message: string },
  at: number,
): void {
  const { abandonAfterMs, sweepIntervalMs } = world.settings;
  if (code === 'TASK_TIMEOUT') {
    assert.equal(at, task.startedAt + task.timeoutMs, `when ${task.name} timed out`);
    world.end(task, 'failed', { error: { code, message } }, code, at);
  } else {
    assert.equal(code, 'TASK_ABANDONED', `why ${task.name} ended`);
    assert.ok(task.idleSince !== undefined, `${task.name} was abandoned with somebody attached`);
    const grace = abandonAfterMs === 0 && !task.hadSubscribers ? sweepIntervalMs : abandonAfterMs;
    assert.ok(at - task.idleSince >= grace, `${task.name} was abandoned early`);
    world.end(task, 'cancelled', { code, reason: message }, code, at);
  }
}

function checkDue(world: World, task: TaskModel): void {
  const { abandonAfterMs, sweepIntervalMs } = world.settings;
  assert.ok(world.now < task.startedAt + task.timeoutMs, `${task.name} runs on after its time`);
  if (task.idleSince === undefined) return;
  const grace = abandonAfterMs !== 0 ? abandonAfterMs + sweepIntervalMs : task.hadSubscribers ? 0 : 2 * sweepIntervalMs;
  assert.ok(world.now < task.idleSince + grace || grace === Infinity, `${task.name} was not abandoned`);
}

export function checkGone(world: World, task: TaskModel): void {
  if (task.status === 'running') {
    // It has ended, and another one that ended after it took its memory.
    const { aborted, reason } = task.context!.signal;
    assert.ok(world.pressed && aborted, `${task.name} was forgotten while it ran`);
    const { code } = reason as { code: string };
    checkEnded(world, task, reason, code === 'TASK_TIMEOUT' ? task.startedAt + task.timeoutMs : world.now);
  }
  if (!world.pressed) {
    assert.ok(world.now >= task.endedAt! + world.settings.ttlMs, `${task.name} was forgotten before its time`);
  }
  task.gone = { after: task.seenAt, by: world.now };
  task.firstKept = task.events.length + 1;
}

export function checkRun(world: World, task: TaskModel): void {
  assert.equal(task.executions, 1, `${task.name} runs once`);
  const { signal, subscriberCount } = task.context!;
  const code = (signal.reason as { code?: string } | undefined)?.code;
  assert.equal(signal.aborted ? code : undefined, task.abortCode, `why the signal of ${task.name} was aborted`);
  if (task.status === 'running') assert.equal(subscriberCount, task.subscribers);
}
