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

/** What a task is run with. */
export interface RunRequest extends RunOptions {
  readonly job: AsyncTask;
}

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
