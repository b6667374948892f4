import type { Context } from '../../lib/distributed/context.js';
import { readOlder } from '../../lib/distributed/copies/older-events.js';
import { joinLines } from '../../lib/distributed/port/entry.js';
import type { Entry } from '../../lib/distributed/port/stored.js';
import { EventLog } from '../../lib/core/log/event-log.js';
import { Memory } from '../../lib/core/log/memory.js';

/** What the holder with `token` has written at 1 and 2. */
const written = (token: number): Entry => ({
  place: { token, seq: 2, bytes: 2 },
  ...{ events: 2, bytes: 2, atMs: 0, schema: 1, text: joinLines(['', '1', '', '2']) },
});

describe('The events that a copy has dropped', () => {
  it.each([
    ['are read from the store', 1, '1 2 '],
    [
      'are not read where the store has those of another holder, since it has gone back to an earlier state',
      9,
      undefined,
    ],
  ])('%s', async (_, token, expected) => {
    const log = new EventLog({ maxEvents: 100, maxBytes: 65_536 }, new Memory(65_536, () => false), 6);
    const encode = (_task: unknown, _seq: number, _event: unknown, json: string): string => `${json} `;
    const context = { driver: { readAfter: async () => [written(token)] }, settings: { encode } };
    const slice = await readOlder(context as unknown as Context, { record: { taskId: 't' } as never, log }, 0);
    expect(slice?.bytes.toString()).toBe(expected);
  });
});
