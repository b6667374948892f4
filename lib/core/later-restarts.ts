import type { Clock } from './clock.js';
import type { OpenTaskStore, Takeover, TaskRecord } from './ports.js';
import type { TaskHandler } from './requests.js';

/** Runs tasks again that may not be run again yet, for those who came back to them and wait. */
export class LaterRestarts {
  readonly #waiting = new Set<string>();

  constructor(
    readonly clock: Clock,
    readonly restart: (record: TaskRecord, handler: TaskHandler) => Promise<void>,
  ) {}

  /** Looks at the task again in `ms`; once, whoever else comes back meanwhile. */
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
      // Whoever comes back next tries again.
    }
  }
}

/** Others may have the task; where the store does not hear of it, it finds out by itself. */
export async function giveBack({ writer }: Takeover): Promise<void> {
  try {
    await writer.release();
  } catch {
    // It stays in the name of this instance, which does not run it: the store sees to that.
  }
}
