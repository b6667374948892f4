/** All commands, and those that move time and stop the manager. */
import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type TaskError } from '../../../lib/index.js';
import { attach, comeBack } from './attaching.js';
import { type Command, command } from './command.js';
import { cancel, end } from './ending.js';
import { drop, leave, pull, read, switchTaking, visit } from './reading.js';
import { refused } from './refused-requests.js';
import { burst, start, startInSlot } from './starting.js';
import { bad, named, progress } from './writing.js';

const tick = command<{ ms: number }>(
  'tick',
  { ms: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3_000 })) },
  (world, { ms }) => world.tick(ms),
);

const jump = command<{ ms: number }>(
  'jumpWallClock',
  { ms: fc.constantFrom(-3_600_000, 3_600_000, -86_400_000, 86_400_000, 2 ** 31 * 1_000) },
  async (world, { ms }) => {
    world.clock.jumpedMs += ms;
  },
);

const stop = command<{ twice: boolean }>('stop', { twice: fc.boolean() }, async (world, { twice }) => {
  await Promise.all([world.manager.stop(), ...(twice ? [world.manager.stop({ graceMs: 1_000 })] : [])]);
  world.stopped = true;
  for (const task of world.running) {
    const { code, message } = task.context!.signal.reason as TaskError;
    assert.equal(code, 'SHUTDOWN');
    world.end(task, 'cancelled', { code, reason: message }, code);
  }
});

/** Weights by repetition: most of a run is events, attaching, leaving and coming back. */
export const commands: fc.Arbitrary<Command>[] = [
  ...[start, start, burst, startInSlot],
  ...[progress, progress, progress, progress, progress, named, bad],
  ...[end, cancel],
  ...[attach, attach, attach, attach, comeBack, comeBack, comeBack, comeBack],
  ...[read, read, switchTaking, drop, drop, pull, pull, visit, visit, leave],
  ...[tick, tick, tick, jump, refused],
];
export const finalCommands: fc.Arbitrary<Command>[] = [stop];
