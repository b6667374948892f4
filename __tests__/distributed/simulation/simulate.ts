import type { TaskDriver } from '../../../lib/distributed/port/driver.js';
import { createRandom } from '../../support/random/random.js';
import { ORPHAN_DEADLINE_MS } from './instance.js';
import { LONGEST_PLAN_MS } from './job.js';
import { checkPromises } from './promises.js';
import { Turns } from './turns.js';
import type { Faults } from './faults.js';
import { World } from './world.js';

/** Three attempts with their back-offs, then the deadline of an orphan. */
const CALM_MS = 3 * LONGEST_PLAN_MS + 15_000 + ORPHAN_DEADLINE_MS;

const NONE: Faults = {
  ...{ kills: false, stalls: false, deploys: false, weather: false, lostIndexes: false, lostData: false },
};

/** What may go wrong, by the name of a test. A run is one of the first regime below 1,000,000, of the second below 2,000,000 … */
export const REGIMES: readonly [string, Faults][] = [
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

export const RUNS_PER_REGIME = 1_000_000;

/**
 * One world from its beginning to its end.
 * @param connect another driver to its store; without it the store is on maps
 * @throws Error that tells how to repeat it, and what happened
 */
export async function simulate(seed: number, run: number, connect?: () => TaskDriver): Promise<void> {
  const faults = REGIMES[Math.floor(run / RUNS_PER_REGIME)]?.[1] ?? NONE;
  const random = createRandom(seed).fork(run);
  const turns = new Turns();
  const world = new World(
    random,
    faults,
    turns,
    {
      leaseMs: random.pick([500, 1_000, 2_000]),
      onLost: random.pick(['fail', 'restart']),
      isNamed: random.next() < 0.7,
      maxEventsPerTask: random.pick([10_000, 10_000, 10_000, 16]),
      maxRunningTasks: random.pick([10_000, 3]),
    },
    connect,
  );
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
    turns.restore();
  }
}
