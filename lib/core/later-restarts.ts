/** Retries restarts that the store has postponed. */
import type { Clock } from './clock.js';
import type { OpenTaskStore, Takeover, TaskRecord } from './ports.js';
import type { TaskHandler } from './start-request.js';

/** Waits until a postponed task may be run again, for the clients that have come back to it. */
export class LaterRestarts {
  readonly #waiting = new Set<string>();

  constructor(
    readonly clock: Clock,
    readonly restart: (record: TaskRecord, handler: TaskHandler) => Promise<void>,
  ) {}

  /** Looks at the task again in `ms`: once, however many clients come back meanwhile. */
  add(store: OpenTaskStore, taskId: string, handler: TaskHandler, ms: number): void {
    if (this.#waiting.has(taskId)) return;
    this.#waiting.add(taskId);
    this.clock.after(ms, () => {
      this.#waiting.delete(taskId);
      void this.#restart(store, taskId, handler);
    });
  }

  async #restart(store: OpenTaskStore, taskId: string, handler: TaskHandler): Promise<void> {
    try {
      const found = await store.find({ taskId });
      if (found?.status === 'running') await this.restart(found, handler);
    } catch {
      // The next client that comes back tries again.
    }
  }
}

/**
 * Releases a task that this instance will not run. Where the store does not hear of it, the store finds out by itself.
 */
export async function releaseTakeover({ writer }: Takeover): Promise<void> {
  try {
    await writer.release();
  } catch {
    // The task stays in the name of this instance, which does not run it. The store takes care of that.
  }
}
