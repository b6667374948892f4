import { Sweeper } from '../../../lib/core/engine/sweeper.js';
import { ManualClock } from '../../support/clock/manual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Sweeper', () => {
  let clock: ManualClock;

  beforeEach(() => {
    clock = new ManualClock();
  });

  it('has no timer before it is started, and one however often it is started', () => {
    const sweeper = new Sweeper(clock, 100, () => true);
    expect(clock.timers).toBe(0);
    sweeper.start();
    sweeper.start();
    expect(clock.periods).toEqual([100]);
  });

  it('sweeps at every interval while anything is left, then stops its timer', async () => {
    let left = 3;
    let sweeps = 0;
    const sweeper = new Sweeper(clock, 100, () => (sweeps++, --left > 0));
    sweeper.start();
    for (let n = 0; n < 10; n++) {
      clock.advance(100);
      await turn();
    }
    expect(sweeps).toBe(3);
    expect(clock.timers).toBe(0);
  });

  it('starts again after it had nothing left', async () => {
    const sweeper = new Sweeper(clock, 100, () => false);
    sweeper.start();
    clock.advance(100);
    await turn();
    expect(clock.timers).toBe(0);
    sweeper.start();
    expect(clock.timers).toBe(1);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
  ] as const)('tries again when the store %s', async (_, fail) => {
    let sweeps = 0;
    const sweeper = new Sweeper(clock, 100, () => (++sweeps < 3 ? fail() : false));
    sweeper.start();
    for (let n = 1; n <= 3; n++) {
      expect(clock.timers).toBe(1);
      clock.advance(100);
      await turn();
    }
    expect(sweeps).toBe(3);
    expect(clock.timers).toBe(0);
  });

  it('keeps its timer when it was started while a sweep that found nothing was under way', async () => {
    let answer: ((left: boolean) => void) | undefined;
    const sweeper = new Sweeper(clock, 100, () => new Promise<boolean>((resolve) => (answer = resolve)));
    sweeper.start();
    clock.advance(100);
    sweeper.start();
    answer?.(false);
    await turn();
    expect(clock.timers).toBe(1);
    clock.advance(100);
    answer?.(false);
    await turn();
    expect(clock.timers).toBe(0);
  });

  it('can be stopped, also twice, and while a sweep is under way', async () => {
    let answer: ((left: boolean) => void) | undefined;
    const sweeper = new Sweeper(clock, 100, () => new Promise<boolean>((resolve) => (answer = resolve)));
    sweeper.start();
    clock.advance(100);
    sweeper.stop();
    sweeper.stop();
    answer?.(true);
    await turn();
    expect(clock.timers).toBe(0);
  });
});
