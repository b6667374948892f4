import { oneOf } from './options.js';
import type { TaskRecord } from './ports.js';
import type { SnapshotSource } from './snapshot.js';
import type { AsyncTask } from './task.js';

/** How a task runs. */
export interface RunOptions {
  readonly input: unknown;
  readonly timeoutMs: number;
  readonly abandonAfterMs: number;
  readonly snapshot: SnapshotSource | undefined;
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
  /** The name of its wire; undefined: the default one. */
  readonly wire?: string | undefined;
  /** What the task is of: at most one task of an owner runs in a slot. */
  readonly slot?: string | undefined;
  /** What becomes of the start where another task runs in the slot. Default 'reject'. */
  readonly onBusy?: OnBusy | undefined;
}

/** Refuse the start, join the task that runs, or cancel it first. */
export type OnBusy = 'reject' | 'attach' | 'interrupt';

export const ON_BUSY_RULE = oneOf('reject', 'attach', 'interrupt');

export interface Started {
  readonly record: TaskRecord;
  /** False: the idempotency key or the slot belongs to a task that was there before. */
  readonly created: boolean;
  /** True: that task runs in the slot, and the start wanted one of its own. */
  readonly isBusy?: boolean;
}

/** Where a subscriber asks to start. */
export interface Resume {
  readonly cursor: number | undefined;
  /** Which holder of the task wrote the event at the cursor. */
  readonly epoch?: number | undefined;
  readonly subscriberId: string | undefined;
  readonly snapshot: boolean;
}
