import fc from 'fast-check';
import { Channel } from '../../lib/hub/channel.js';
import { ChannelRegistry } from '../../lib/hub/channel-registry.js';
import { CountingBudget } from '../support/sse/counting-budget.js';
import { nextTurn } from '../support/sse/fake-stream.js';
import { itHolds } from '../support/random/property.js';

const LIMITS = { maxEvents: 1_000, maxBytes: 1_000_000 };

const makeChannel = (maxEvents = LIMITS.maxEvents): Channel =>
  new Channel('news', { ...LIMITS, maxEvents }, new CountingBudget());

describe('a channel', () => {
  it('has nothing before its first message', () => {
    const channel = makeChannel();
    expect([channel.lastSeq, channel.trimmedTo, channel.nextAfter(0), channel.readAfter(0, Infinity)]).toEqual([
      0,
      0,
      Infinity,
      undefined,
    ]);
    expect(channel.dropOldest()).toBe(0);
  });

  it('finds messages by the seq of the hub, whatever came in between on other channels', () => {
    const channel = makeChannel();
    for (const seq of [3, 4, 9]) channel.append(seq, `<${seq}>`, undefined);
    expect([0, 2, 3, 4, 8, 9].map((seq) => channel.nextAfter(seq))).toEqual([3, 3, 4, 9, 9, Infinity]);
    const slice = channel.readAfter(0, 4)!;
    expect([slice.bytes.toString(), channel.seqOf(slice.to)]).toEqual(['<3><4>', 4]);
    expect(channel.readAfter(4, Infinity)!.bytes.toString()).toBe('<9>');
  });

  it('keeps a message’s own id as long as the message', () => {
    const channel = makeChannel(8);
    for (let seq = 1; seq <= 20; seq++) channel.append(seq, `<${seq}>`, seq % 2 === 0 ? `own-${seq}` : undefined);
    expect(channel.trimmedTo).toBeGreaterThan(0);
    for (let seq = 2; seq <= 20; seq += 2) {
      expect(channel.seqOfId(`own-${seq}`)).toBe(seq > channel.trimmedTo ? seq : undefined);
    }
  });

  it('wakes whoever follows it once a turn, members that were there before its log among them', async () => {
    const channel = makeChannel();
    const woken: string[] = [];
    const follower = (name: string): { wake: () => void } => ({ wake: () => woken.push(name) });
    channel.members.add({ follower: follower('member') });
    channel.members.add({ follower: undefined }); // away
    channel.append(1, 'a', undefined);
    const late = follower('late');
    channel.follow(late);
    channel.append(2, 'b', undefined);
    await nextTurn();
    expect(woken.sort()).toEqual(['late', 'member']);
    channel.unfollow(late);
    channel.append(3, 'c', undefined);
    await nextTurn();
    expect(woken.slice(2)).toEqual(['member']);
  });

  itHolds(
    'reads the same as an array would, in any number of pieces',
    [fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 200 }), fc.integer({ min: 1, max: 300 })],
    (steps: number[], maxEvents: number) => {
      const channel = makeChannel(maxEvents);
      const all: number[] = [];
      let seq = 0;
      for (const step of steps) {
        seq += step;
        all.push(seq);
        channel.append(seq, `<${seq}>`, undefined);
      }
      const kept = all.filter((each) => each > channel.trimmedTo);
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.length).toBeLessThanOrEqual(maxEvents);
      for (const limit of [seq, Math.ceil(seq / 2), channel.trimmedTo + 1]) {
        let position = channel.trimmedTo;
        let text = '';
        while (channel.nextAfter(position) <= limit) {
          const slice = channel.readAfter(position, limit)!;
          text += slice.bytes.toString();
          position = channel.seqOf(slice.to);
        }
        const within = kept.filter((each) => each <= limit);
        expect(text).toBe(within.map((each) => `<${each}>`).join(''));
      }
    },
  );
});

describe('the channels of a hub', () => {
  const fill = (channels: ChannelRegistry, channel: Channel, from: number, count: number): void => {
    for (let seq = from; seq < from + count; seq++) channels.append(channel, seq, 'x'.repeat(1_000), undefined);
  };

  it('share one memory, and take it from the one that keeps most', () => {
    const channels = new ChannelRegistry(LIMITS, 200_000);
    const old = channels.addReader('room', 'old');
    const busy = channels.addReader('room', 'busy');
    fill(channels, old, 1, 50);
    fill(channels, busy, 51, 20);
    fill(channels, channels.all, 71, 500);
    expect(channels.bufferedBytes).toBeLessThanOrEqual(200_000);
    expect([old.trimmedTo, busy.trimmedTo]).toEqual([0, 0]);
    expect(channels.all.trimmedTo).toBeGreaterThan(0);
    fill(channels, busy, 571, 500); // until it keeps more than all the others
    expect(old.trimmedTo).toBe(0);
    expect(busy.trimmedTo).toBeGreaterThan(571);
  });

  it('count as one share for a user and their clients, which loses the longest silent first', () => {
    const channels = new ChannelRegistry(LIMITS, 200_000);
    const room = channels.addReader('room', 'news');
    fill(channels, room, 1, 60);
    const ann = channels.addReader('user', 'ann');
    fill(channels, ann, 61, 30);
    const own = Array.from({ length: 4 }, (_, n) => channels.create(`client-${n}`, 'ann'));
    for (const [n, channel] of own.entries()) fill(channels, channel, 100 * (n + 1), 50);
    expect(channels.bufferedBytes).toBeLessThanOrEqual(200_000);
    expect([room.trimmedTo, own[3]!.trimmedTo]).toEqual([0, 0]);
    expect([ann, own[0]!].map((channel) => channel.nextAfter(0))).toEqual([Infinity, Infinity]);
  });

  it('never take memory from the channel that is just being written to', () => {
    const channels = new ChannelRegistry(LIMITS, 4_096);
    const only = channels.addReader('user', 'ann');
    fill(channels, only, 1, 40);
    expect(only.nextAfter(39)).toBe(40);
    expect(only.readAfter(39, Infinity)!.bytes.toString()).toHaveLength(1_000);
  });

  it('are forgotten with their last reader, and give their memory back', () => {
    const channels = new ChannelRegistry(LIMITS, 1_000_000);
    const red = channels.addReader('room', 'red');
    expect(channels.addReader('room', 'red')).toBe(red);
    fill(channels, red, 1, 100);
    channels.removeReader('room', red);
    expect(channels.rooms.get('red')).toBe(red);
    expect(channels.bufferedBytes).toBeGreaterThan(100_000);
    channels.removeReader('room', red);
    expect([channels.rooms.size, channels.bufferedBytes]).toEqual([0, 0]);
    expect(channels.addReader('room', 'red')).not.toBe(red);
  });

  it('keep rooms and users of one name apart', () => {
    const channels = new ChannelRegistry(LIMITS, 1_000_000);
    expect(channels.addReader('room', 'ann')).not.toBe(channels.addReader('user', 'ann'));
  });
});
