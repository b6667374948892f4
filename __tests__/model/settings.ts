/** The settings of a run of the model, and its clock. */
import { ManualClock } from '../support/clock/manual-clock.js';

export interface Settings {
  readonly hasOwners: boolean;
  readonly ttlMs: number;
  readonly sweepIntervalMs: number;
  readonly abandonAfterMs: number;
  readonly heartbeatMs: number;
  readonly stallTimeoutMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxEventsPerTask: number;
  readonly maxBytesPerTask: number;
  readonly maxEventBytes: number;
  readonly maxBufferedBytes: number;
  readonly maxRunningTasks: number;
  readonly maxTasksPerOwner: number;
  readonly maxSubscribersPerTask: number;
}

/** Between two looks at the tasks; shorter than every retention. */
export const STEP_MS = 100;
export const OWNER_HEADER = 'x-owner';

/** A clock whose wall jumps, as an operator's or a time server's does. */
export class JumpingClock extends ManualClock {
  jumpedMs = 0;

  override wallNow(): number {
    return super.wallNow() + this.jumpedMs;
  }
}
