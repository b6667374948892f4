/** Claims tasks, so that one instance alone goes on with each. */
import { randomInt, randomUUID } from 'node:crypto';
import { pause } from '../../core/clock.js';
import type { Claimed } from '../port/calls.js';
import { RETRY_MS, type Context } from '../context.js';
import type { ForeignEnding } from '../outcomes.js';
import { assertKnownSchema } from '../port/schema.js';
import type { TaskState } from '../port/stored.js';

/** A claim that is not answered is asked again so often. */
const TRIES = 20;
/**
 * A store that has gone back to an earlier state may have forgotten tokens that were given out, and nobody may be left who
 * knows of them. So each claim takes a random step of up to this size: a token would mean two holders, and an id two events.
 */
const TOKEN_JUMP = 65_536;

/** Takes tasks over, each claim at most once whatever becomes of its answer. */
export class Claims {
  constructor(readonly context: Context) {}

  /**
   * @param ending what the task ends with in the same step; without, it is to be run here
   * @param above a token that is known to have been given out, though the store has forgotten it
   * @throws TaskError `STORE_UNAVAILABLE`, also for a task that a newer version has written
   */
  async take(
    { taskId, token, holder, schema }: TaskState,
    attempt: number,
    { ending, above = token }: { readonly ending?: ForeignEnding; readonly above?: number } = {},
  ): Promise<Claimed> {
    assertKnownSchema(schema, 'The task');
    const { driver, instance, settings } = this.context;
    const claim = {
      taskId,
      expected: { token, holder },
      instance,
      token: Math.max(token, above) + 1 + randomInt(TOKEN_JUMP),
      attempt,
      nonce: randomUUID(),
      ending,
    };
    for (let tries = 1; ; tries++) {
      try {
        return await driver.claim(claim);
      } catch (error) {
        if (tries === TRIES) throw error;
        await pause(settings.clock, RETRY_MS);
      }
    }
  }
}
