import fc from 'fast-check';
import { commands, finalCommands } from './commands/all-commands.js';
import { finishWorld } from './finish-world.js';
import type { Home } from './home.js';
import { itHolds } from './property.js';
import { JumpingClock, type Settings } from './settings.js';
import { World } from './world.js';

/*
 * The invariants of a task manager, on random sequences of what programs, clients, time and operators do. Two of them
 * need more than one process and are not tried here: that stores give the same trace (the contract suite and the traces
 * of the stores do that), and that clients are reported offline across processes.
 */

const times = {
  hasOwners: fc.boolean(),
  ttlMs: fc.constantFrom(300, 1_000, 5_000),
  sweepIntervalMs: fc.constantFrom(50, 170, 400),
  abandonAfterMs: fc.constantFrom(0, 600, 2_000, Infinity, Infinity),
  heartbeatMs: fc.constantFrom(0, 400, 2_000),
  stallTimeoutMs: fc.constantFrom(500, 4_000),
  maxConnectionAgeMs: fc.constantFrom(0, 0, 1_500),
  maxRunningTasks: fc.constantFrom(2, 100, 100),
  maxTasksPerOwner: fc.constantFrom(2, Infinity, Infinity),
  maxSubscribersPerTask: fc.constantFrom(2, 100, 100),
};

const memory = {
  'everything is kept': { maxEventsPerTask: 10_000, maxBytesPerTask: 2 ** 23, maxBufferedBytes: 2 ** 30 },
  'few events are kept': { maxEventsPerTask: 13, maxBytesPerTask: 2 ** 23, maxBufferedBytes: 2 ** 30 },
  'one event is kept': { maxEventsPerTask: 1, maxBytesPerTask: 2 ** 23, maxBufferedBytes: 2 ** 30 },
  'few bytes are kept': { maxEventsPerTask: 10_000, maxBytesPerTask: 4_096, maxBufferedBytes: 2 ** 30 },
  'tasks compete for memory': { maxEventsPerTask: 10_000, maxBytesPerTask: 8_192, maxBufferedBytes: 20_000 },
  'one task fills the memory': { maxEventsPerTask: 10_000, maxBytesPerTask: 8_192, maxBufferedBytes: 8_192 },
};

const settingsOf = (kept: object): fc.Arbitrary<Settings> =>
  fc.record(times).map((drawn) => ({ maxEventBytes: 1_000, ...kept, ...drawn }) as Settings);

/** Tries them where `openHome` says, each so often; shrinking what fails included. */
export function describeModel(
  name: string,
  openHome: (clock: JumpingClock) => Promise<Home>,
  runs: { readonly each: number; readonly stopped: number },
): void {
  async function holds(settings: Settings, steps: Iterable<fc.AsyncCommand<World, null>>): Promise<void> {
    const clock = new JumpingClock();
    const home = await openHome(clock);
    const world = new World(settings, clock, home);
    try {
      await fc.asyncModelRun(() => ({ model: world, real: null }), steps);
      await finishWorld(world);
    } finally {
      await world.manager.stop();
      await home.close();
    }
  }

  const limits = Object.entries(memory);

  describe(name, () => {
    for (const [when, kept] of limits) {
      itHolds(
        `where ${when}`,
        runs.each,
        [settingsOf(kept), fc.commands(commands, { maxCommands: 150, size: 'max' })],
        holds,
      );
    }

    itHolds(
      'when it is stopped in the middle',
      runs.stopped,
      [
        fc.constantFrom(...limits.map(([, kept]) => kept)).chain(settingsOf),
        fc.commands([...commands, ...finalCommands], { maxCommands: 80, size: 'max' }),
      ],
      holds,
    );
  });
}
