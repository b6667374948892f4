import fc from 'fast-check';
import { ProcessGuard } from '../support/processes/process-guard.js';

/** `SEED` repeats a run; `RUNS` is how often every property is tried, instead of its own small number. */
const { SEED, RUNS } = process.env;
const seed = Number(SEED ?? Date.now() % 2 ** 31);
const LIMIT_MS = 900_000;

/**
 * A test of one property. Its seed is printed even when it holds: a run that passed is worth repeating too. What
 * reaches the process (unhandled rejections, uncaught exceptions, warnings) fails the run that caused it.
 */
export function itHolds<Ts extends [unknown, ...unknown[]]>(
  name: string,
  runs: number,
  arbitraries: { [K in keyof Ts]: fc.Arbitrary<Ts[K]> },
  predicate: (...values: Ts) => Promise<void>,
): void {
  const numRuns = Number(RUNS ?? runs);
  it(
    name,
    async () => {
      const startedAt = performance.now();
      const guard = new ProcessGuard();
      const property = fc.asyncProperty(...arbitraries, async (...values) => {
        guard.take();
        await predicate(...values);
        await turns(1); // Node reports a rejection once the microtasks are done
        const incidents = guard.take();
        if (incidents.length > 0) throw new Error(incidents.join('\n'));
      });
      try {
        await fc.assert(property, { seed, numRuns });
      } finally {
        guard.close();
        const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
        process.stdout.write(`SEED=${seed} RUNS=${numRuns} (${seconds} s): ${name}\n`);
      }
    },
    LIMIT_MS,
  );
}

/** Lets the event loop turn `count` times. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
