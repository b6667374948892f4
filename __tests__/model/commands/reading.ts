/** Commands by which attached clients and iterators read, stall and leave. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { Reader } from '../client.js';
import type { World } from '../world.js';
import { command, hasClient, hasTask, index } from './command.js';

export const pull = command<{ reader: number; count: number }>(
  'pull',
  { reader: index, count: fc.constantFrom(1, 2, 5, 60) },
  async (world, { reader: at, count }) => {
    await pullFrom(world, world.reader(at), count);
  },
  (world) => world.readers.length > 0,
);

async function pullFrom(world: World, reader: Reader, count: number): Promise<void> {
  const { task } = reader;
  if (!reader.joined && world.fading(task)) return;
  for (let n = 0; n < count && !reader.pending && !reader.over; n++) {
    const full = world.isFull(task);
    reader.pull();
    await world.settle();
    if (reader.joined) continue;
    const refusal = task.gone !== undefined ? 'TASK_EXPIRED' : full ? 'TOO_MANY_SUBSCRIBERS' : undefined;
    assert.equal(reader.failure?.code, refusal, 'an iterator is refused like a connection');
    if (refusal !== undefined) break;
    task.join(reader.subscriberId);
    reader.position = Math.min(reader.position, task.events.length);
    reader.attached = reader.joined = true;
    await world.settle(); // where there was nothing to read it is over by now
  }
}

/** Somebody inside the process looks at some events and goes. */
export const visit = command<{ task: number; subscriberId: string; count: number }>(
  'visit',
  { task: index, subscriberId: fc.constantFrom('phone', 'desk'), count: fc.constantFrom(1, 2, 5) },
  async (world, { task: at, subscriberId, count }) => {
    const task = world.task(at);
    const who = world.nameOf(subscriberId);
    if (task.gone !== undefined) return;
    const position = task.startOf(who);
    const reader = new Reader(
      task,
      await world.attach({ key: task.resumeKey, owner: task.owner, subscriberId: who }),
      who,
    );
    assert.equal(reader.position, position, 'a subscriber goes on where it left off');
    world.readers.push(reader);
    await pullFrom(world, reader, count);
    if (!reader.pending) await reader.leave();
  },
  hasTask,
);

export const leave = command<{ reader: number }>(
  'leave',
  { reader: index },
  async (world, { reader: at }) => {
    const reader = world.reader(at);
    if (!reader.pending) await reader.leave();
  },
  (world) => world.readers.length > 0,
);

export const read = command<{ client: number; bytes: number }>(
  'read',
  { client: index, bytes: fc.constantFrom(1, 40, 333, 5_000, Infinity) },
  async (world, { client: at, bytes }) => {
    world.client(at).connection?.res.take(bytes);
  },
  hasClient,
);

export const switchTaking = command<{ client: number; taking: boolean }>(
  'take',
  { client: index, taking: fc.boolean() },
  async (world, { client: at, taking: on }) => {
    const res = world.client(at).connection?.res;
    if (res === undefined) return;
    res.taking = on;
    if (on) res.take(Infinity);
  },
  hasClient,
);

export const drop = command<{ client: number }>(
  'drop',
  { client: index },
  async (world, { client: at }) => {
    world.client(at).connection?.res.drop();
  },
  hasClient,
);
