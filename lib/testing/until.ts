/** Waits for a condition that no event tells of. */
import { TaskError } from '../core/errors.js';
import { systemClock } from '../core/clock.js';

/**
 * Asks again and again until the answer is yes, where no event tells.
 * @throws TaskError `INVALID_OPTION` where it is still no after `withinMs`
 */
export async function until(holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const end = systemClock.now() + withinMs;
  while (!(await holds())) {
    if (systemClock.now() > end) {
      throw new TaskError('INVALID_OPTION', `It did not come true within ${withinMs} ms: ${holds.toString()}`);
    }
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
