import { MessageQueue } from '../../../lib/nats/streams/messages/message-queue.js';

describe('MessageQueue', () => {
  it('returns its messages in order, however many there are', () => {
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

  it('wakes all readers when a message comes, and when it is told to', async () => {
    const queue = new MessageQueue<string>();
    const woken = Promise.all([queue.changed(), queue.changed()]);
    queue.push('a');
    await woken;
    const again = queue.changed();
    queue.notify();
    queue.notify();
    await again;
    queue.clear();
    expect(queue.length).toBe(0);
  });
});
