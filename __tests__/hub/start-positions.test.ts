import { ChannelRegistry } from '../../lib/hub/channel-registry.js';
import { Client } from '../../lib/hub/hub-client.js';
import { startOf, type History } from '../../lib/hub/start-position.js';

const EPOCH = 'e'.repeat(22);
const OTHER = 'o'.repeat(22);

/** A hub with messages 1 to 20, of which 12 was the last that was not for all, and 15 carries an id of its own. */
function history(): History & { channels: ChannelRegistry } {
  const channels = new ChannelRegistry({ maxEvents: 100, maxBytes: 1_000_000 }, 1_000_000);
  for (let seq = 13; seq <= 20; seq++) {
    channels.append(channels.all, seq, `<${seq}>`, seq === 15 ? 'order-15' : undefined);
  }
  return { epoch: EPOCH, lastSeq: 20, lastDirectedSeq: 12, all: channels.all, channels };
}

const known = (): Client => {
  const client = new Client('c', undefined, undefined, 5);
  client.confirmed = 7;
  return client;
};

describe('the position at which a client of the hub goes on', () => {
  const unknown = (to: number): object => ({ from: 0, to, reason: 'unknown', position: to });

  it.each<[string, string | undefined, boolean, number, object | undefined]>([
    ['a new one: with what comes', undefined, false, 20, undefined],
    ['known, without a position: where it was when it last came back', undefined, true, 7, undefined],
    ['known: at its position', `${EPOCH}.9`, true, 9, undefined],
    ['known, at the end', `${EPOCH}.20`, true, 20, undefined],
    ['known, from before it was there: from its first message', `${EPOCH}.2`, true, 5, undefined],
    ['unknown, after the last that was not for all', `${EPOCH}.12`, false, 12, undefined],
    ['unknown, before it', `${EPOCH}.11`, false, 11, { from: 12, to: 12, reason: 'unknown', position: 11 }],
    ['ahead of the hub', `${EPOCH}.25`, true, 20, { from: 21, to: 25, reason: 'ahead', position: 20 }],
    ['of another hub', `${OTHER}.3`, false, 20, unknown(20)],
    ['of another hub, known here', `${OTHER}.3`, true, 5, unknown(5)],
    ['with a message’s own id', 'order-15', true, 15, undefined],
    ['with a message’s own id, unknown', 'order-15', false, 15, undefined],
    ['with an own id that is not kept', 'order-1', false, 20, unknown(20)],
  ])('%s', (_name, lastEventId, isKnown, position, gap) => {
    const start = startOf(lastEventId, isKnown ? known() : undefined, history());
    expect(start.position).toBe(position);
    if (gap === undefined) expect(start.gap).toBeUndefined();
    else expect(start.gap).toEqual({ kind: 'gap', ...gap });
  });

  it.each(['', '.', '.x', '.-1', '.1.2', '.9007199254740992'])(
    'is refused for an id of this hub with %p for a number',
    (end) => {
      const read = (): unknown => startOf(`${EPOCH}.${end.slice(1)}`, known(), history());
      expect(read).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
    },
  );

  it('is the earliest one where an application’s own message id was used on several channels', () => {
    const { channels, ...rest } = history();
    const client = known();
    client.join('red', 10, channels);
    channels.append(channels.rooms.get('red')!, 14, '<14>', 'order-15');
    expect(startOf('order-15', client, rest).position).toBe(14);
  });
});
