/** A seeded random source: the same seed gives the same run, so a red run can be repeated with `SEED=<seed>`. */
export interface Random {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  /** @throws RangeError for an empty list. */
  pick<T>(items: readonly T[]): T;
  /** A source of its own for case `n`: what it gives does not depend on how often anything else was drawn. */
  fork(n: number): Random;
}

/** mulberry32: 32 bits of state, even enough to choose where to cut, and short enough to be read. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    seed: seed >>> 0,
    next,
    int: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: <T>(items: readonly T[]): T => {
      if (items.length === 0) throw new RangeError('pick from an empty list');
      return items[Math.floor(next() * items.length)] as T;
    },
    // Neighbouring seeds start out alike in mulberry32; the golden ratio spreads them.
    fork: (n) => createRandom((seed ^ Math.imul(n + 1, 0x9e3779b9)) >>> 0),
  };
}

/**
 * The seed of this run: `SEED` if it is set, else the time. Printed at once, since a run that fails is worth nothing without it.
 * @throws RangeError when `SEED` is not a whole number.
 */
export function announceSeed(suite: string): number {
  const given = process.env.SEED;
  const seed = given === undefined || given === '' ? Date.now() >>> 0 : Number(given);
  if (!Number.isInteger(seed) || seed < 0) throw new RangeError(`SEED must be a whole number, got ${given}`);
  process.stdout.write(`${suite}: SEED=${String(seed >>> 0)}\n`);
  return seed >>> 0;
}
