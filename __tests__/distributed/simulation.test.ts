import { announceSeed, createRandom } from '../support/random.js';
import { LONGEST_PLAN_MS } from './simulation/job.js';
import { ORPHAN_DEADLINE_MS } from './simulation/instance.js';
import { checkPromises } from './simulation/promises.js';
import { World, type Faults } from './simulation/world.js';

const RUNS = Number(process.env.RUNS ?? 6);
/** A single run, to repeat it: `SEED=… RUN=17`. */
const ONLY = process.env.RUN === undefined ? undefined : Number(process.env.RUN);
/** Three attempts with their back-offs, then the deadline of an orphan. */
const CALM_MS = 3 * LONGEST_PLAN_MS + 15_000 + ORPHAN_DEADLINE_MS;

const NONE: Faults = {
  ...{ kills: false, stalls: false, deploys: false, weather: false, lostIndexes: false, lostData: false },
};
const REGIMES: readonly [string, Faults][] = [
  ['processes are killed', { ...NONE, kills: true }],
  ['processes stand still', { ...NONE, stalls: true }],
  ['processes are deployed anew', { ...NONE, deploys: true }],
  ['calls are lost, late, refused and repeated', { ...NONE, weather: true }],
  [
    'everything but the data can be lost',
    { ...NONE, kills: true, stalls: true, deploys: true, weather: true, lostIndexes: true },
  ],
  [
    'everything can be lost',
    { kills: true, stalls: true, deploys: true, weather: true, lostIndexes: true, lostData: true },
  ],
];

async function simulate(seed: number, run: number, faults: Faults): Promise<void> {
  const random = createRandom(seed).fork(run);
  const world = new World(random, faults, {
    leaseMs: random.pick([500, 1_000, 2_000]),
    onLost: random.pick(['fail', 'restart']),
    isNamed: random.next() < 0.7,
    maxEventsPerTask: random.pick([10_000, 10_000, 10_000, 16]),
    maxRunningTasks: random.pick([10_000, 3]),
  });
  try {
    const steps = random.int(5, 40);
    for (let step = 0; step < steps; step++) await world.step();
    await world.calmDown(CALM_MS);
    await checkPromises(world);
  } catch (error) {
    const story = world.story.join('\n');
    throw new Error(`SEED=${seed} RUN=${run} ${JSON.stringify(world.options)}\n${story}`, { cause: error });
  } finally {
    for (const { machine } of world.instances) machine.kill();
  }
}

describe('many instances on one store keep every promise', () => {
  const seed = announceSeed('simulation');

  it.each(REGIMES)(
    'where %s',
    async (name, faults) => {
      const first = REGIMES.findIndex(([regime]) => regime === name) * 1_000_000;
      const runs = ONLY === undefined ? Array.from({ length: RUNS }, (_, run) => first + run) : [ONLY];
      for (const run of runs) if (run >= first && run < first + 1_000_000) await simulate(seed, run, faults);
    },
    3_600_000,
  );
});
