/** Ends a run of the model. */
import { strict as assert } from 'node:assert';
import { Client } from './client.js';
import { connectClient } from './connect-client.js';
import { STEP_MS } from './settings.js';
import type { World } from './world.js';

/** Ends everything and sees that nothing is left. */
export async function finishWorld(world: World): Promise<void> {
  for (const task of world.running) {
    task.resolve?.('done');
    task.end('completed', { result: 'done' }, world.now);
    world.ended.completed++;
  }
  for (const { connection } of world.clients) {
    if (connection === undefined || connection.left) continue;
    connection.res.taking = true;
    connection.res.take(Infinity);
  }
  await world.check();
  for (const { task, connection } of world.clients) {
    assert.ok(connection?.left ?? true, `${task.name} has ended, but a client that takes everything still waits`);
  }
  for (const reader of world.readers) {
    if (!reader.pending) await reader.leave();
    await world.check();
    assert.ok(reader.over, 'an iterator of an ended task waits for nothing');
  }
  for (const task of world.tasks.filter(({ gone }) => gone === undefined)) {
    const client = new Client(task, undefined);
    world.clients.push(client);
    const stream = await world.attach({ key: task.resumeKey, owner: task.owner });
    await connectClient(world, client, stream, 0, { taking: true, highWaterMark: 16_384 });
    await world.check();
    if (task.gone === undefined) assert.ok(client.connection?.follow.finished, 'an ended task is told to its end');
  }
  const { ttlMs, sweepIntervalMs } = world.settings;
  await world.tick(2 * (ttlMs + sweepIntervalMs) + STEP_MS);
  assert.equal(world.piping.size, 0, 'every pipe is over');
  const timers = world.stopped ? 0 : world.home.timers;
  assert.equal(world.clock.timers, timers, `timers are left: every ${world.clock.periods.join()} ms`);
  const { running, connections, finished, tombstones, bufferedBytes } = world.manager.getStatistics();
  assert.deepEqual({ running, connections }, { running: 0, connections: 0 });
  if (!world.stopped)
    assert.deepEqual({ finished, tombstones, bufferedBytes }, { finished: 0, tombstones: 0, bufferedBytes: 0 });
}
