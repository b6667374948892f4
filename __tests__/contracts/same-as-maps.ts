import type { TaskDriver } from '../../lib/distributed/port/driver.js';
import { announceSeed, createRandom } from '../support/random/random.js';
import { DriverPair } from './driver-pair.js';

const RUNS = 10;
const STEPS = 400;

/** @param connect two drivers to one empty store, not opened yet */
export function describeSameAsMaps(name: string, connect: () => readonly TaskDriver[]): void {
  const seed = announceSeed(`${name} beside the driver on maps`);

  describe(name, () => {
    it.each(Array.from({ length: RUNS }, (_, run) => run))(
      'answers whatever it is asked as the driver on maps does (run %i)',
      async (run) => {
        const pair = new DriverPair(createRandom(seed).fork(run), connect());
        for (let step = 0; step < STEPS; step++) await pair.step();
        await pair.close();
      },
    );
  });
}
