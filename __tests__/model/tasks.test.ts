import fc from 'fast-check';
import { commands, finalCommands } from './commands.js';
import { itHolds } from './property.js';
import { World, type Settings } from './world.js';

/*
 * The invariants of a task manager on its memory store, on random sequences of what programs, clients, time and
 * operators do. Two of them need more than one process and are not tried here: that other stores give the same trace
 * (the contract suite of the stores does that), and that clients are reported offline across processes.
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

async function holds(settings: Settings, steps: Iterable<fc.AsyncCommand<World, null>>): Promise<void> {
  let world: World | undefined;
  await fc.asyncModelRun(() => ({ model: (world = new World(settings)), real: null }), steps);
  await world!.finish();
}

describe('a task manager does what its model says', () => {
  for (const [name, kept] of Object.entries(memory)) {
    itHolds(`where ${name}`, 60, [settingsOf(kept), fc.commands(commands, { maxCommands: 150, size: 'max' })], holds);
  }

  itHolds(
    'when it is stopped in the middle',
    40,
    [
      fc.constantFrom(...Object.values(memory)).chain(settingsOf),
      fc.commands([...commands, ...finalCommands], { maxCommands: 80, size: 'max' }),
    ],
    holds,
  );
});
