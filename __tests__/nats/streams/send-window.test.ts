import { SendWindow } from '../../../lib/nats/streams/send-window.js';

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

  it('ignores credit that comes late, twice, or for messages that were not sent', () => {
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
