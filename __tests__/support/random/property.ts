import fc from 'fast-check';

/**
 * A test of `check` with random arguments. Its seed is part of its title, so that a red run can be repeated with
 * `SEED=<seed>`.
 */
export function itHolds<Ts extends [unknown, ...unknown[]]>(
  name: string,
  arbitraries: { [K in keyof Ts]: fc.Arbitrary<Ts[K]> },
  check: (...args: Ts) => void | Promise<void>,
  runs = 100,
): void {
  const given = process.env.SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  it(`${name} (SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty<Ts>(...arbitraries, async (...args) => check(...args)),
      { seed, numRuns: runs },
    );
  });
}
