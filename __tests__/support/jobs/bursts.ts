/** A job whose progress comes in bursts of all lengths, so that clients replay, follow and do both in one connection. */
import type { TaskContext } from '../../../lib/index.js';
import type { Random } from '../random/random.js';
import type { Counter } from './flow.js';

/** Text that is worth cutting: several bytes to a character, escapes, and what looks like the end of a frame. */
const TEXTS = ['zwölf Boxkämpfer', '🥊🥊', 'line\nline\r\n\r\n', 'id: forged.1\n\n', '\u2028\u2029\ufeff', '"\\"', ''];

/** The progress of step `n`. */
export const stepAt = (n: number): { n: number; text: string } => ({
  n,
  text: TEXTS[n % TEXTS.length]! + '.'.repeat(40 + (n % 48)),
});

export interface Bursts {
  /** How many steps there are. */
  readonly events: number;
  /** How far the job may be ahead of what its client has seen. */
  readonly lead: number;
  readonly seen: Counter;
  readonly random: Random;
}

/** Tells the progress of each step from 1 to `events`. */
export async function emitInBursts(context: TaskContext, { events, lead, seen, random }: Bursts): Promise<void> {
  for (let n = 1; n <= events; n++) {
    const committed = context.updateProgress(stepAt(n));
    await seen.reached(n - lead);
    if (random.int(1, 20) === 1) await committed;
    if (random.int(1, 20) === 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
