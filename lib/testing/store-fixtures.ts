/** Makes settings, drafts and executors for tests of stores. */
import { v4, v7 } from 'uuid';
import type { Executor, StoreSettings, TaskDraft } from '../core/ports.js';
import { TaskError, type PublicError } from '../core/errors.js';
import { encodeTaskEvent } from '../sse/frame.js';
import { ManualClock } from './manual-clock.js';

/** Settings of a store that is large enough not to matter, unless `changed` says otherwise. */
export function storeSettings(changed: Partial<StoreSettings> = {}): StoreSettings {
  return {
    clock: new ManualClock(),
    ttlMs: 60_000,
    log: { maxEvents: 10_000, maxBytes: 1_048_576 },
    maxBufferedBytes: 16_777_216,
    maxTasksPerOwner: Infinity,
    timeoutMs: 2_000,
    appendPatienceMs: 30_000,
    onLost: 'fail',
    maxAttempts: 3,
    orphanDeadlineMs: 600_000,
    orphanRunner: { handlers: [], room: 0, run: () => Promise.resolve() },
    encode: encodeTaskEvent,
    ...changed,
  };
}

/** A task that was never there before. */
export function draft(changed: Partial<TaskDraft> = {}): TaskDraft {
  return {
    taskId: v7(),
    resumeKey: Buffer.from(v4({}, new Uint8Array(16))).toString('base64url'),
    owner: undefined,
    idempotencyKey: undefined,
    fingerprint: undefined,
    handler: 'name:test',
    ...changed,
  };
}

/** An executor that notes what it is told. */
export class RecordingExecutor implements Executor {
  readonly cancels: PublicError[] = [];
  readonly audiences: number[] = [];
  readonly fences: TaskError[] = [];
  readonly #waiting = new Set<() => void>();

  /** @param snapshotJson the state that the task has folded its progress into */
  constructor(readonly snapshotJson: () => string | undefined = () => undefined) {}

  cancelRequested(reason: PublicError): void {
    this.cancels.push(reason);
    this.#told();
  }

  audienceChanged(subscribers: number): void {
    this.audiences.push(subscribers);
    this.#told();
  }

  fenced(reason: TaskError): void {
    this.fences.push(reason);
    this.#told();
  }

  /** Resolves as soon as `condition` holds of what it was told. */
  async until(condition: (executor: this) => boolean): Promise<void> {
    while (!condition(this)) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #told(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Returns the code that a call throws or rejects with, the error where it has none, or undefined where it does neither. */
export async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error instanceof TaskError ? error.code : (error ?? 'undefined was thrown');
  }
}
