/** The shapes of a start and of a resume, as fronts hand them to the engine. */
import { oneOf } from '../check-options.js';
import type { TaskRecord } from '../ports.js';
import type { SnapshotSource } from './snapshot.js';
import type { AsyncTask } from '../task/task.js';

/** The settings of one run. */
export interface RunOptions {
  readonly input: unknown;
  readonly timeoutMs: number;
  readonly abandonAfterMs: number;
  readonly snapshot: SnapshotSource | undefined;
}

/** The settings that all tasks of one handler share. */
export interface TaskHandler extends Omit<RunOptions, 'input'> {
  readonly job: AsyncTask;
  /** Identifies the job, so that a task is only ever run again by the one that it was started with. */
  readonly handler: string | undefined;
}

/** Asks for a run: the job and its settings. */
export interface RunRequest extends TaskHandler, RunOptions {}

/** Asks for a new task. */
export interface StartRequest extends RunRequest {
  readonly owner: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly fingerprint: string | undefined;
  /** The name of its wire; undefined stands for the default one. */
  readonly wire?: string | undefined;
  /** The slot that the task runs in. At most one task of an owner runs in a slot. */
  readonly slot?: string | undefined;
  /** Decides about a start whose slot is taken. Default 'reject'. */
  readonly onBusy?: OnBusy | undefined;
}

/**
 * Decides about a start whose slot is taken: `reject` refuses it, `attach` joins the task that runs there, `interrupt`
 * cancels that task first.
 */
export type OnBusy = 'reject' | 'attach' | 'interrupt';

export const ON_BUSY_RULE = oneOf('reject', 'attach', 'interrupt');

/** The outcome of a start. */
export interface Started {
  readonly record: TaskRecord;
  /** False where the idempotency key or the slot belongs to a task that was there before. */
  readonly created: boolean;
  /** True where that task runs in the slot, and the start wanted one of its own. */
  readonly isBusy?: boolean;
}

/** The place at which a subscriber asks to start. */
export interface Resume {
  readonly cursor: number | undefined;
  /** The epoch of the event at the cursor: which holder of the task wrote it. */
  readonly epoch?: number | undefined;
  readonly subscriberId: string | undefined;
  readonly snapshot: boolean;
}
