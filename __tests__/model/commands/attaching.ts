/** Commands by which clients attach and return. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { connectClient } from '../connect-client.js';
import { Reader } from '../client.js';
import {
  type Connecting,
  command,
  connect,
  hasClient,
  hasTask,
  highWaterMark,
  index,
  subscriberId,
  taking,
} from './command.js';

export const attach = command<{
  task: number;
  owner: string | undefined;
  cursor: string;
  part: number;
  via: string;
  subscriberId: string | undefined;
  connecting: Connecting;
  reader: boolean;
}>(
  'attach',
  {
    task: index,
    owner: fc.constantFrom('own', 'own', 'own', 'own', undefined, 'anna', 'bert'),
    cursor: fc.constantFrom('none', 'none', 'valid', 'oldest', 'end', 'ahead', 'far'),
    part: fc.nat(1_000),
    via: fc.constantFrom('header', 'key and header', 'query id', 'query seq', 'header over query'),
    subscriberId,
    connecting: fc.record({ taking, highWaterMark }),
    reader: fc.constantFrom(false, false, true),
  },
  async (world, { task: at, owner: as, cursor, part, via, subscriberId, connecting, reader }) => {
    const task = world.task(at);
    const who = world.nameOf(subscriberId);
    const last = task.events.length;
    const seqs = { valid: part % (last + 1), oldest: 0, end: last, ahead: last + 1 + (part % 5), far: 2 ** 53 - 1 };
    const seq = cursor === 'none' ? undefined : seqs[cursor as keyof typeof seqs];
    const request = {
      ...requestFor(task.resumeKey, seq, via),
      owner: as === 'own' ? task.owner : as,
      subscriberId: who,
    };
    const outcomes = world.lookup(task, request.owner);
    if (outcomes.length > 1) return world.rejects(world.attach(request), ...(outcomes as string[]));
    const [refusal] = outcomes;
    if (refusal !== undefined) return world.refuses(refusal, () => world.attach(request));
    const stream = await world.attach(request);
    assert.ok(stream.resumed);
    const position = seq ?? task.startOf(who);
    if (!reader) return connect(world, task, who, stream, position, connecting);
    assert.equal(stream.position, position);
    world.readers.push(new Reader(task, stream, who));
  },
  hasTask,
);

/** The ways in which key and position come along. */
function requestFor(
  key: string,
  seq: number | undefined,
  via: string,
): { key?: string; url?: string; lastEventId?: string } {
  if (seq === undefined) return via.startsWith('query') ? { url: `/job?resume_key=${key}` } : { key };
  const id = `${key}.${seq}`;
  switch (via) {
    case 'header':
      return { lastEventId: id };
    case 'key and header':
      return { key, lastEventId: id };
    case 'query id':
      return { url: `/job?last_event_id=${id}` };
    case 'query seq':
      return { url: `/job?resume_key=${key}&last_event_id=${seq}` };
    default:
      return { url: `/job?last_event_id=${key}.3`, lastEventId: id };
  }
}

/** A client whose connection broke comes back, as a page, an EventSource, or a proxy's retry does. */
export const comeBack = command<{ client: number; by: 'position' | 'subscriber id'; connecting: Connecting }>(
  'comeBack',
  {
    client: index,
    by: fc.constantFrom('position', 'position', 'subscriber id'),
    connecting: fc.record({ taking, highWaterMark }),
  },
  async (world, { client: at, by, connecting }) => {
    const client = world.client(at);
    const { task, connection } = client;
    const who = world.nameOf(client.subscriberId);
    if (connection === undefined || !connection.left || task.gone !== undefined) return;
    client.collect();
    const { taken } = connection;
    const position = by === 'position' ? taken.position : undefined;
    const request = position === undefined ? { key: task.resumeKey } : { lastEventId: `${task.resumeKey}.${position}` };
    const stream = await world.attach({ ...request, owner: task.owner, subscriberId: who });
    const expected = position ?? task.startOf(who);
    if (position === undefined) {
      // What was sent and did not arrive is only asked for again by those who know where they are.
      client.lost.push({ from: (client.seen.at(-1) ?? 0) + 1, to: expected });
      if (expected < (client.seen.at(-1) ?? 0)) client.forget();
    }
    await connectClient(world, client, stream, expected, connecting);
  },
  hasClient,
);
