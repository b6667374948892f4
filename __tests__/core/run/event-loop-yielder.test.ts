import { EventLoopYielder } from '../../../lib/core/run/event-loop-yielder.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

describe('EventLoopYielder', () => {
  it('makes every 128th answer wait for a turn of the event loop', async () => {
    const yielder = new EventLoopYielder(new ManualClock());
    for (let n = 1; n < 128; n++) expect(yielder.next()).toBeUndefined();
    const turn = yielder.next();
    expect(turn).toBeInstanceOf(Promise);
    expect(yielder.next()).toBe(turn);
    await turn;
    expect(yielder.next()).toBeUndefined();
  });

  it('makes an answer wait that comes 10 ms after the last turn, each time', async () => {
    const clock = new ManualClock();
    const yielder = new EventLoopYielder(clock);
    clock.advance(9);
    expect(yielder.next(clock.wallNow())).toBeUndefined();
    for (let n = 0; n < 3; n++) {
      clock.advance(10);
      const turn = yielder.next(clock.wallNow());
      expect(turn).toBeInstanceOf(Promise);
      await turn;
    }
  });

  it('takes a wall clock that jumps back for a reason to wait', () => {
    const clock = new ManualClock();
    expect(new EventLoopYielder(clock).next(clock.wallNow() - 1)).toBeInstanceOf(Promise);
  });
});
