import { MessageBatch } from '../../lib/nats/streams/message-batch.js';
import { ClientDirectory, type Gateway } from '../../lib/nats/presence/client-directory.js';
import { MessageQueue } from '../../lib/nats/streams/message-queue.js';
import { SendWindow } from '../../lib/nats/streams/send-window.js';

const gateway = (id: string): Gateway => ({ id, version: undefined, clients: 0 });

describe('ClientDirectory', () => {
  it('has a client as long as any gateway has it', () => {
    const directory = new ClientDirectory();
    const [a, b, c] = [gateway('a'), gateway('b'), gateway('c')];
    expect([a, b, c, a].map((each) => directory.add('ann', each))).toEqual([true, true, true, false]);
    directory.add('bob', b);
    expect([a.clients, b.clients, directory.size]).toEqual([1, 2, 2]);
    expect([...directory.clientsOf(b)]).toEqual(['ann', 'bob']);
    expect([directory.delete('ann', b), directory.delete('ann', b), directory.has('ann')]).toEqual([
      false,
      false,
      true,
    ]);
    expect([directory.delete('ann', a), directory.holds('ann', c), directory.delete('ann', c)]).toEqual([
      false,
      true,
      true,
    ]);
    expect([directory.has('ann'), directory.delete('nobody', a), a.clients, b.clients]).toEqual([false, false, 0, 1]);
  });
});

describe('SendWindow', () => {
  it('is open while there is room for a message and a byte', () => {
    const window = new SendWindow(3, 10);
    window.add(4);
    expect(window.isOpen).toBe(true);
    window.add(60); // of any size
    expect(window.isOpen).toBe(false);
    expect([window.credit(1, 4), window.isOpen]).toEqual([true, false]);
    expect([window.credit(2, 64), window.isOpen]).toEqual([true, true]);
  });

  it('takes credit that comes late or twice for what it is, and none for what was not sent', () => {
    const window = new SendWindow(2, 10);
    window.add(1);
    window.add(1);
    expect([window.credit(2, 2), window.credit(1, 1), window.isOpen]).toEqual([true, true, true]);
    expect([window.credit(3, 2), window.credit(2, 3)]).toEqual([false, false]);
    window.add(1);
    expect(window.isOpen).toBe(true);
    window.add(1);
    expect(window.isOpen).toBe(false);
  });
});

describe('MessageBatch', () => {
  const unpack = (body: Uint8Array): string[] => {
    const texts: string[] = [];
    const bytes = Buffer.from(body);
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + bytes.readUInt32BE(at);
      texts.push(bytes.toString('utf8', at + 4, end));
      at = end;
    }
    return texts;
  };
  const record = (): { batch: MessageBatch; sent: string[][] } => {
    const sent: string[][] = [];
    const batch = new MessageBatch((body, count) => {
      const texts = unpack(body);
      expect(texts).toHaveLength(count);
      sent.push(texts);
    });
    return { batch, sent };
  };
  const add = (batch: MessageBatch, text: string, maxBytes = 100_000): void => {
    batch.add(text, Buffer.byteLength(text), maxBytes);
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('sends what one turn of the event loop adds, together', async () => {
    const { batch, sent } = record();
    for (const text of ['one', '', 'zwölf ☃', 'x'.repeat(500)]) add(batch, text);
    batch.add(Buffer.from('bytes'), 5, 100_000);
    expect(sent).toEqual([]);
    await turn();
    add(batch, 'later');
    await turn();
    expect(sent).toEqual([['one', '', 'zwölf ☃', 'x'.repeat(500), 'bytes'], ['later']]);
  });

  it('sends at once what is full, and never more than a frame may carry', () => {
    const { batch, sent } = record();
    for (let n = 0; n < 40; n++) add(batch, 'x'.repeat(1_000));
    expect(sent.map(({ length }) => length)).toEqual([33]);
    batch.flush();
    batch.flush();
    expect(sent.map(({ length }) => length)).toEqual([33, 7]);
    for (let n = 0; n < 3; n++) add(batch, 'x'.repeat(46), 100);
    expect(sent.map(({ length }) => length)).toEqual([33, 7, 2]);
  });

  it('sends a large message alone, in its place', () => {
    const { batch, sent } = record();
    for (const text of ['a', 'x'.repeat(9_000), 'b']) add(batch, text);
    batch.flush();
    expect(sent).toEqual([['a'], ['x'.repeat(9_000)], ['b']]);
  });

  it('forgets what it is told to', async () => {
    const { batch, sent } = record();
    add(batch, 'a');
    batch.clear();
    await turn();
    expect(sent).toEqual([]);
  });
});

describe('MessageQueue', () => {
  it('gives back what it was given, in order, however much', () => {
    const queue = new MessageQueue<number>();
    const taken: number[] = [];
    let next = 0;
    for (let round = 0; round < 50; round++) {
      for (let n = 0; n < (round * 37) % 300; n++) queue.push(next++);
      for (let n = 0; n < (round * 53) % 290; n++) {
        const item = queue.shift();
        if (item !== undefined) taken.push(item);
      }
    }
    expect(queue.length).toBe(next - taken.length);
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
    expect(taken).toEqual(Array.from({ length: next }, (_, n) => n));
    expect([queue.length, queue.shift()]).toEqual([0, undefined]);
  });

  it('wakes all who wait when something comes, and when it rings', async () => {
    const queue = new MessageQueue<string>();
    const woken = Promise.all([queue.changed(), queue.changed()]);
    queue.push('a');
    await woken;
    const again = queue.changed();
    queue.ring();
    queue.ring();
    await again;
    queue.clear();
    expect(queue.length).toBe(0);
  });
});
