import { announceSeed } from '../support/random/random.js';
import { REGIMES, RUNS_PER_REGIME, simulate } from './simulation/simulate.js';

const RUNS = Number(process.env.RUNS ?? 20);
/** A single run, to repeat it: `SEED=… RUN=17`. */
const ONLY = process.env.RUN === undefined ? undefined : Number(process.env.RUN);

describe('many instances on one store keep every promise', () => {
  const seed = announceSeed('simulation');

  it.each(REGIMES.map(([name], index) => [name, index * RUNS_PER_REGIME] as const))(
    'where %s',
    async (_name, first) => {
      const runs = ONLY === undefined ? Array.from({ length: RUNS }, (_, run) => first + run) : [ONLY];
      for (const run of runs) if (run >= first && run < first + RUNS_PER_REGIME) await simulate(seed, run);
    },
    3_600_000,
  );
});
