import { AsyncLocalStorage } from 'node:async_hooks';
import { stayAlive, systemClock } from '../../lib/core/clock.js';
import { ManualClock } from '../support/clock/manual-clock.js';

const MAX_DELAY_MS = 2 ** 31 - 1;
const DAY_MS = 86_400_000;

describe('systemClock', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(systemClock)).toBe(true);
  });

  it('measures durations by a clock that does not jump with the wall clock', () => {
    const before = systemClock.now();
    jest.setSystemTime(Date.now() + DAY_MS);
    expect(systemClock.now()).toBe(before);
    jest.advanceTimersByTime(1_000);
    expect(systemClock.now()).toBe(before + 1_000);
    expect(systemClock.wallNow()).toBe(Date.now());
  });

  describe('after', () => {
    it.each([
      0,
      1,
      1_000,
      MAX_DELAY_MS - 1,
      MAX_DELAY_MS,
      MAX_DELAY_MS + 1,
      2 ** 32 + 5,
      3 * MAX_DELAY_MS,
      400 * DAY_MS,
    ])('calls once after %d ms, and not a millisecond before', (ms) => {
      const fn = jest.fn();
      systemClock.after(ms, fn);
      jest.advanceTimersByTime(Math.max(0, ms - 1));
      if (ms > 0) expect(fn).not.toHaveBeenCalled();
      jest.advanceTimersByTime(1);
      expect(fn).toHaveBeenCalledTimes(1);
      jest.advanceTimersByTime(DAY_MS);
      expect(fn).toHaveBeenCalledTimes(1);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('hands no negative delay to Node, which would warn of it', () => {
      const set = jest.spyOn(globalThis, 'setTimeout');
      systemClock.after(-5, () => undefined);
      expect(set.mock.calls.map(([, delay]) => delay)).toEqual([0]);
    });

    it('never calls after Infinity', () => {
      const fn = jest.fn();
      const cancel = systemClock.after(Infinity, fn);
      jest.advanceTimersByTime(10 * MAX_DELAY_MS);
      expect(fn).not.toHaveBeenCalled();
      cancel();
      expect(jest.getTimerCount()).toBe(0);
    });

    it.each([10, 3 * MAX_DELAY_MS])('can be cancelled, at once or on the way, and twice (%d ms)', (ms) => {
      const fn = jest.fn();
      const [early, late] = [systemClock.after(ms, fn), systemClock.after(ms, fn)];
      early();
      early();
      jest.advanceTimersByTime(ms - 1);
      late();
      jest.advanceTimersByTime(ms);
      expect(fn).not.toHaveBeenCalled();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('can be cancelled after it has called', () => {
      const cancel = systemClock.after(1, () => undefined);
      jest.advanceTimersByTime(1);
      expect(cancel).not.toThrow();
    });
  });

  describe('every', () => {
    it('calls again and again until it is cancelled', () => {
      const fn = jest.fn();
      const cancel = systemClock.every(100, fn);
      jest.advanceTimersByTime(99);
      expect(fn).not.toHaveBeenCalled();
      jest.advanceTimersByTime(901);
      expect(fn).toHaveBeenCalledTimes(10);
      cancel();
      jest.advanceTimersByTime(1_000);
      expect(fn).toHaveBeenCalledTimes(10);
      expect(jest.getTimerCount()).toBe(0);
    });

    it.each([2 ** 31, Infinity])('does not call at once where it should wait for %d ms', (ms) => {
      const fn = jest.fn();
      const cancel = systemClock.every(ms, fn);
      jest.advanceTimersByTime(MAX_DELAY_MS - 1);
      expect(fn).not.toHaveBeenCalled();
      cancel();
    });
  });
});

describe('the timers of systemClock', () => {
  it('keep no process alive, however long they are', () => {
    const timers: NodeJS.Timeout[] = [];
    const original = { setTimeout: globalThis.setTimeout, setInterval: globalThis.setInterval };
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => keep(original.setTimeout(...args))) as never;
    globalThis.setInterval = (...args: Parameters<typeof setInterval>) => keep(original.setInterval(...args));
    function keep(timer: NodeJS.Timeout): NodeJS.Timeout {
      timers.push(timer);
      return timer;
    }
    try {
      const cancels = [1_000, 2 ** 40, Infinity].map((ms) => systemClock.after(ms, () => undefined));
      cancels.push(systemClock.every(1_000, () => undefined));
      expect(timers).toHaveLength(4);
      for (const timer of timers) expect(timer.hasRef()).toBe(false);
      for (const cancel of cancels) cancel();
    } finally {
      Object.assign(globalThis, original);
    }
  });
});

describe('Timers of systemClock', () => {
  it.each(['after', 'every'] as const)('run in no request’s AsyncLocalStorage context (%s)', async (method) => {
    const storage = new AsyncLocalStorage<string>();
    const store = await new Promise((resolve) => {
      storage.run('a request', () => {
        const cancel = systemClock[method](1, () => {
          cancel();
          resolve(storage.getStore());
        });
      });
    });
    expect(store).toBeUndefined();
  });
});

describe('stayAlive', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

  it('keeps the process until it is told otherwise, and not at all for the clock of a test', () => {
    const before = timers();
    const release = stayAlive(systemClock);
    expect(timers()).toBe(before + 1);
    release();
    expect(timers()).toBe(before);
    stayAlive(new ManualClock());
    expect(timers()).toBe(before);
  });
});
