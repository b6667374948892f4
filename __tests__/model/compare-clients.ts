/** Compares what clients and iterators have received with the events of the model. */
import { strict as assert } from 'node:assert';
import type { Client, Reader } from './client.js';
import { STEP_MS } from './settings.js';
import type { World } from './world.js';

export function checkClient(world: World, client: Client): void {
  const { task, connection } = client;
  if (connection === undefined) return;
  const { res, follow, written, left } = connection;
  follow.check(written.events);
  client.collect();
  const { stallTimeoutMs, maxConnectionAgeMs } = world.settings;
  const open = !res.ended && !res.cut;
  if (left && !open) {
    // Who ended it, and why?
    const old = maxConnectionAgeMs > 0 && world.now - connection.openedAt >= maxConnectionAgeMs * 0.75;
    if (res.ended) assert.ok(follow.finished || old || world.stopped, `a stream of ${task.name} ended without its end`);
    else
      assert.ok(task.gone !== undefined || world.now - connection.movedAt >= stallTimeoutMs, `${task.name}: cut off`);
  }
  if (left) return;
  if (res.needsDrain || res.ended) {
    const limit = stallTimeoutMs + (2 * Math.min(stallTimeoutMs, world.settings.heartbeatMs || Infinity)) / 4;
    assert.ok(world.now - connection.movedAt <= limit + STEP_MS, 'a stalled client is sent away');
    if (open && !world.fading(task)) {
      assert.equal(task.gone, undefined, `${task.name} is gone, but a client still waits for it`);
    }
    return;
  }
  // Liveness: who takes what there is has everything.
  assert.equal(task.status, 'running', `${task.name} has ended, but a client was not told`);
  assert.equal(follow.cursor, task.events.length, `${task.name}: a client that takes everything is behind`);
  // One that could take nothing was left alone; it is sent away at the next beat.
  const latest = Math.max(connection.openedAt + maxConnectionAgeMs * 1.25, connection.movedAt);
  if (maxConnectionAgeMs > 0) assert.ok(world.now <= latest + maxConnectionAgeMs / 4 + STEP_MS, 'too old');
}

export function checkReader(world: World, reader: Reader): void {
  const { task, follow } = reader;
  reader.check();
  if (reader.failure !== undefined && reader.joined) {
    assert.equal(reader.failure.code, 'TASK_EXPIRED');
    assert.notEqual(task.gone, undefined, `an iterator of ${task.name} failed`);
  }
  if (!reader.pending) return;
  assert.equal(task.status, 'running', `${task.name} has ended, but an iterator waits`);
  assert.equal(follow.cursor, task.events.length, `${task.name}: an iterator waits although there is something`);
}
