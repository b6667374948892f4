import { Turns } from '../../../lib/core/run/turns.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('Turns', () => {
  it('makes every 128th answer wait for a turn of the event loop', async () => {
    const turns = new Turns(new ManualClock());
    for (let n = 1; n < 128; n++) expect(turns.next()).toBeUndefined();
    const turn = turns.next();
    expect(turn).toBeInstanceOf(Promise);
    expect(turns.next()).toBe(turn);
    await turn;
    expect(turns.next()).toBeUndefined();
  });

  it('makes an answer wait that comes 10 ms after the last turn, each time', async () => {
    const clock = new ManualClock();
    const turns = new Turns(clock);
    clock.advance(9);
    expect(turns.next(clock.wallNow())).toBeUndefined();
    for (let n = 0; n < 3; n++) {
      clock.advance(10);
      const turn = turns.next(clock.wallNow());
      expect(turn).toBeInstanceOf(Promise);
      await turn;
    }
  });

  it('takes a wall clock that jumps back for a reason to wait', () => {
    const clock = new ManualClock();
    expect(new Turns(clock).next(clock.wallNow() - 1)).toBeInstanceOf(Promise);
  });
});
