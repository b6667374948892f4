import type { Batch, Claim } from '../../lib/distributed/port/calls.js';
import { eventLines } from '../../lib/distributed/port/entry.js';
import type { Draft, Entry, Place, TaskState } from '../../lib/distributed/port/stored.js';
import type { Random } from '../support/random/random.js';

export const INSTANCES = ['a', 'b', 'c'];
const OWNERS = [undefined, 'ann', 'bob'];
const SLOTS = [undefined, 'chat 1', 'chat 2'];
const KEYS = [undefined, 'key 1', 'key 2'];

/** A draft that is the `number`th; keys and slots repeat, so that drafts get in each other's way. */
export function randomDraft(random: Random, number: number, atMs: number): Draft {
  return {
    taskId: `task ${String(number).padStart(5, '0')}`,
    resumeKey: `resume ${number}`,
    owner: random.pick(OWNERS),
    idempotencyKey: random.pick(KEYS),
    fingerprint: random.pick([undefined, 'print']),
    slot: random.pick(SLOTS),
    wire: random.pick([undefined, 'plain']),
    handler: random.pick([undefined, 'name:x', 'route:GET /y']),
    input: random.pick([undefined, '{"in":"ü"}']),
    createdAtMs: atMs,
    schema: 2,
  };
}

/** One to four events or so for a task, mostly by its holder, sometimes with its end. */
export function randomBatch(random: Random, taskId: string, state: TaskState | undefined, atMs: number): Batch {
  const token = Math.max(1, (state?.token ?? 1) + random.pick([0, 0, 0, 0, -1]));
  const entries: Entry[] = [];
  let place: Place = state?.top ?? { token: 0, seq: 0, bytes: 0 };
  for (let count = random.int(1, 2); count > 0; count--) {
    const events = random.int(1, 4);
    const texts = Array.from({ length: events }, () =>
      eventLines(random.pick([undefined, undefined, 'named']), random.pick(['1', '"ü 😀"', '{"a":[1,2]}'])),
    );
    const bytes = events * random.int(20, 200);
    place = { token, seq: place.seq + events + random.pick([0, 0, 0, 5]), bytes: place.bytes + bytes };
    entries.push({ place, events, bytes, atMs, schema: 2, text: texts.join('') });
  }
  const ends = random.int(1, 12) === 1;
  return {
    ...{ taskId, token, entries, trim: random.pick([true, false]), touch: false },
    progress: random.pick([undefined, undefined, '"noted"']),
    snapshot: random.pick([undefined, undefined, { seq: place.seq, json: '{"sum":1}' }]),
    ending: ends ? { status: random.pick(['completed', 'failed', 'cancelled']), outcome: '{"r":1}' } : undefined,
  };
}

/** A claim that mostly expects what is there. */
export function randomClaim(random: Random, taskId: string, state: TaskState | undefined): Claim {
  const expected = { token: state?.token ?? 1, holder: random.pick([state?.holder, state?.holder, 'a']) };
  const token = expected.token + random.pick([1, 1, 7]);
  return {
    ...{ taskId, expected, token, instance: random.pick(INSTANCES), attempt: (state?.attempt ?? 1) + 1 },
    nonce: `nonce ${random.int(1, 1e9)}`,
    ending: random.pick([
      undefined,
      undefined,
      { status: 'failed' as const, outcome: '{}', text: eventLines('failed', '{}'), bytes: 40 },
    ]),
  };
}
