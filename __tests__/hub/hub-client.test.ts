import { ChannelRegistry } from '../../lib/hub/channel-registry.js';
import { Client } from '../../lib/hub/hub-client.js';

const LIMITS = { maxEvents: 8, maxBytes: 1_000_000 };

const make = (): { channels: ChannelRegistry; client: Client; say: (room: string, seq: number) => void } => {
  const channels = new ChannelRegistry(LIMITS, 1_000_000);
  const client = new Client('c', 'ann', channels.addReader('user', 'ann'), 0);
  const say = (room: string, seq: number): void => {
    channels.append(channels.rooms.get(room)!, seq, `<${seq}>`, undefined);
  };
  return { channels, client, say };
};

describe('the rooms of a client', () => {
  it('are listed once each, and only while it is in them', () => {
    const { channels, client } = make();
    client.join('red', 0, channels);
    client.join('red', 3, channels);
    client.join('blue', 4, channels);
    expect([client.rooms, channels.rooms.get('red')!.readers]).toEqual([['red', 'blue'], 1]);
    client.leave('green', channels);
    client.leave('red', channels);
    expect(client.rooms).toEqual(['blue']);
  });

  it('are forgotten at once where they sent nothing while it was there', () => {
    const { channels, client } = make();
    client.join('red', 0, channels);
    client.leave('red', channels);
    expect([client.memberships, channels.rooms.size, client.lostUpTo]).toEqual([[], 0, 0]);
  });

  it('that it left stay, with what they sent until then, for a client that comes back', () => {
    const { channels, client, say } = make();
    client.join('red', 0, channels);
    say('red', 5);
    client.leave('red', channels);
    say('red', 6);
    expect(client.memberships).toMatchObject([{ since: 0, until: 5 }]);
    client.join('red', 6, channels);
    expect(client.memberships).toMatchObject([
      { since: 0, until: 5 },
      { since: 6, until: Infinity },
    ]);
    expect(channels.rooms.get('red')!.readers).toBe(2);
  });

  it('that it left are forgotten with their messages, which is reported as a loss', () => {
    const { channels, client, say } = make();
    const other = new Client('o', undefined, undefined, 0);
    other.join('red', 0, channels);
    client.join('red', 0, channels);
    say('red', 1);
    client.leave('red', channels);
    for (let seq = 2; seq <= 20; seq++) say('red', seq); // the first is trimmed
    expect(client.lostUpTo).toBe(0);
    client.join('blue', 20, channels);
    client.leave('blue', channels); // when it looks at what it has left
    expect([client.lostUpTo, client.memberships]).toEqual([1, []]);
  });

  it('that it left are kept in no larger number than sixteen; the oldest is a loss', () => {
    const { channels, client, say } = make();
    for (let n = 1; n <= 17; n++) {
      client.join(`room-${n}`, n - 1, channels);
      say(`room-${n}`, n);
      client.leave(`room-${n}`, channels);
    }
    expect([client.memberships.length, client.lostUpTo, channels.rooms.has('room-1')]).toEqual([16, 1, false]);
  });

  it('count it only while it is connected', () => {
    const { channels, client } = make();
    client.join('red', 0, channels);
    const red = channels.rooms.get('red')!;
    const follower = { wake: (): void => undefined };
    client.attach({ position: 0, discarded: false }, follower);
    client.join('blue', 0, channels);
    expect([red.present, channels.rooms.get('blue')!.present, client.user!.present]).toEqual([1, 1, 1]);
    client.leave('blue', channels);
    client.detach();
    expect([red.present, client.user!.present, red.readers, client.connected]).toEqual([0, 0, 1, false]);
    client.detach();
    expect(red.present).toBe(0);
  });

  it('wake it once more when it leaves them, for what they sent in the same turn', () => {
    const { channels, client, say } = make();
    const wake = jest.fn();
    client.attach({ position: 0, discarded: false }, { wake });
    client.join('red', 0, channels);
    say('red', 1);
    expect(wake).not.toHaveBeenCalled();
    client.leave('red', channels);
    expect(wake).toHaveBeenCalledTimes(1);
    expect(client.memberships).toMatchObject([{ since: 0, until: 1 }]); // it can still read the message
  });

  it('are freed when it is forgotten', () => {
    const { channels, client, say } = make();
    client.join('red', 0, channels);
    client.join('blue', 0, channels);
    say('red', 1);
    client.leave('red', channels);
    client.dispose(channels);
    expect([channels.rooms.size, channels.users.size, channels.bufferedBytes]).toEqual([0, 0, 0]);
  });
});

it('the position of a client is that of its connection, and the last one after it was closed', () => {
  const { client } = make();
  const cursor = { position: 3, discarded: false };
  client.attach(cursor, { wake: (): void => undefined });
  cursor.position = 9;
  expect(client.position).toBe(9);
  client.detach();
  cursor.position = 12;
  expect(client.position).toBe(9);
});
