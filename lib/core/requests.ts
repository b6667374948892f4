import type { TaskRecord } from './ports.js';
import type { SnapshotOptions } from './snapshot.js';
import type { AsyncTask } from './task.js';

/** How a task runs. */
export interface RunOptions {
  readonly input: unknown;
  readonly timeoutMs: number;
  readonly abandonAfterMs: number;
  readonly snapshot: SnapshotOptions | undefined;
}

/** How every task of one handler runs. */
export interface TaskHandler extends Omit<RunOptions, 'input'> {
  readonly job: AsyncTask;
  /** Identifies the job, so that a task is only ever run again by the one that it was started with. */
  readonly handler: string | undefined;
}

/** What a task is run with. */
export interface RunRequest extends TaskHandler, RunOptions {}

/** What a task is started with. */
export interface StartRequest extends RunRequest {
  readonly owner: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: string | undefined;
}

export interface Started {
  readonly record: TaskRecord;
  /** False: the idempotency key belongs to a task that was there before. */
  readonly created: boolean;
}

/** Where a subscriber asks to start. */
export interface Resume {
  readonly cursor: number | undefined;
  readonly subscriberId: string | undefined;
  readonly snapshot: boolean;
}
