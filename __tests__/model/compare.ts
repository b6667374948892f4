/** Compares the library with the model. */
import { strict as assert } from 'node:assert';
import type { TaskInfo } from '../../lib/index.js';
import { checkClient, checkReader } from './compare-clients.js';
import { checkGone, checkListed, checkRun } from './compare-tasks.js';
import type { World } from './world.js';

/** Compares the library with the model, as far as both have come. */
export async function compare(world: World): Promise<void> {
  await world.settle();
  const infos = await world.manager.listTasks({ limit: Number.MAX_SAFE_INTEGER });
  const kept = new Map(infos.map((info) => [info.taskId, info]));
  assert.equal(kept.size, infos.length, 'a task is listed once');
  for (const task of world.tasks) {
    const info = kept.get(task.taskId);
    if (info !== undefined) await checkListed(world, task, info);
    else if (task.gone === undefined) checkGone(world, task);
    kept.delete(task.taskId);
  }
  assert.equal(kept.size, 0, 'nothing runs that was not started');
  await checkSlots(world);
  for (const client of world.clients) checkClient(world, client);
  for (const reader of world.readers) checkReader(world, reader);
  for (const task of world.tasks) checkRun(world, task);
  for (const { executions } of world.unwanted) assert.equal(executions, 0, 'a start that was not one ran its job');
  checkStatistics(world, infos);
  assert.equal(world.reports, world.expectedReports, 'errors told to onTaskError');
}

/** In a slot runs the task that the model has there, and no other. */
async function checkSlots(world: World): Promise<void> {
  if (world.stopped) return;
  const inSlots = world.tasks.filter(({ slot }) => slot !== undefined);
  for (const { slot = '', owner } of inSlots) {
    const [there, ...others] = world.running.filter((task) => task.slot === slot && task.owner === owner);
    assert.equal(others.length, 0, 'one task runs in a slot');
    assert.equal((await world.manager.find({ slot, owner }))?.taskId, there?.taskId, `what runs in ${slot}`);
  }
}

function checkStatistics(world: World, infos: readonly TaskInfo[]): void {
  const { running, settling, finished, connections, bufferedBytes, tombstones, ...ended } =
    world.manager.getStatistics();
  const { maxBufferedBytes, ttlMs, sweepIntervalMs } = world.settings;
  assert.equal(running, world.running.length, 'running tasks');
  assert.equal(settling, world.tasks.filter(({ settles }) => settles).length, 'jobs whose tasks have ended');
  const known = infos.filter(({ status }) => status !== 'running').length;
  const forgotten = world.tasks.flatMap(({ gone }) => gone ?? []);
  if (world.home.outside) {
    const unswept = world.tasks.filter((task) => world.fading(task)).length;
    assert.ok(finished <= known + unswept, `copies of ${finished} finished tasks`);
    assert.equal(tombstones, 0);
  } else assert.equal(finished, known, 'finished tasks');
  const open = world.clients.filter(({ connection }) => connection?.left === false);
  assert.equal(connections, open.length, 'open connections');
  assert.deepEqual(ended, world.ended);
  assert.ok(bufferedBytes <= maxBufferedBytes, `all logs together take ${bufferedBytes} bytes`);
  if (world.home.outside) return;
  const wireBytes = infos.reduce((sum, info) => sum + info.bufferedBytes, 0);
  assert.ok(bufferedBytes >= wireBytes, 'the memory of the logs is counted');
  const least = forgotten.filter(({ after }) => world.now < after + ttlMs).length;
  const most = forgotten.filter(({ by }) => world.stopped || world.now <= by + ttlMs + sweepIntervalMs).length;
  assert.ok(tombstones >= least && tombstones <= most, `${tombstones} tombstones, expected ${least} to ${most}`);
}
