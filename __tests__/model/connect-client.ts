/** Connects a client to a task, in the model and in the library. */
import { strict as assert } from 'node:assert';
import type { TaskStream } from '../../lib/index.js';
import { MemoryResponse } from '../support/sse/memory-response.js';
import type { Client, Connected } from './client.js';
import { Follow, Wire } from './wire.js';
import type { World } from './world.js';

/** Pipes `stream` to `client` over a new connection. */
export async function connectClient(
  world: World,
  client: Client,
  stream: TaskStream,
  start: number,
  options: { taking: boolean; highWaterMark: number },
) {
  const { task, subscriberId } = client;
  assert.equal(stream.taskId, task.taskId);
  assert.equal(stream.resumeKey, task.resumeKey);
  assert.equal(stream.position, start, 'the position that the stream starts from');
  const written = new Wire();
  const taken = new Wire();
  const res = new MemoryResponse({
    ...options,
    onWrite: (bytes) => {
      written.feed(bytes);
      connection.movedAt = world.now;
    },
    onReceive: (bytes) => {
      taken.feed(bytes);
    },
  });
  const follow = new Follow(task, start, stream.resumed);
  // Whoever is ahead of a log that has ended is told its last event once more.
  const end = task.events.length - (task.status === 'running' || start <= task.events.length ? 0 : 1);
  const times = { openedAt: world.now, movedAt: world.now, floor: Math.min(start, end) };
  const connection: Connected = { res, follow, written, taken, subscriberId, ...times, left: false };
  res.on('close', () => {
    if (client.connection === connection) world.closed.push(connection);
  });
  res.on('drain', () => {
    connection.movedAt = world.now;
  });
  const full = world.isFull(task);
  const over = task.status !== 'running' && start === task.events.length;
  if (full && !over) {
    await world.rejects(stream.pipe(res.res), 'TOO_MANY_SUBSCRIBERS');
    assert.equal(res.status, undefined, 'a refused subscriber is told so before the headers');
    return;
  }
  const piping = stream.pipe(res.res);
  world.piping.add(piping);
  void piping.then(() => world.piping.delete(piping));
  if (!over) {
    client.connection = connection;
    task.join(subscriberId);
  }
  await world.settle();
  if (over) {
    assert.equal(res.status, 204, 'a client that has everything is told to stop');
    assert.equal(res.writes, 0);
    assert.ok(res.ended);
    return;
  }
  assert.equal(res.status, 200);
  assert.equal(res.headers['Content-Type'], 'text/event-stream');
  assert.equal(res.headers['X-Resume-Key'], task.resumeKey);
}
