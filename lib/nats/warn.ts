/** Reports failures as process warnings. */
import { describeThrown } from '../core/thrown.js';

/** Tells the process of a failure that no caller can be told of. */
export function warn(error: unknown, detail: string): void {
  process.emitWarning(describeThrown(error), { type: 'StreamWarning', detail });
}
