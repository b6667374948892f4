/** Runs tasks again whose instance has died, and retries restarts that the store has postponed. */
import type { OpenTaskStore, Takeover, TaskRecord } from '../ports.js';
import { readInput } from './kept-input.js';
import type { ResolvedOptions } from './engine-options.js';
import type { HandlerRegistry } from './handler-registry.js';
import { makeFold } from '../run/snapshot.js';
import type { RunRequest, TaskHandler } from '../run/start-request.js';

/** The part of the engine that restarts use. */
export interface RestartHost {
  readonly options: ResolvedOptions;
  readonly handlers: HandlerRegistry;
  /** The number of tasks that may still be started here now; 0 where the engine is being stopped. */
  readonly room: number;
  readonly isStopping: boolean;
  run(taskId: string): unknown;
  begin(takeover: Takeover, request: RunRequest): unknown;
}

export class Restarts {
  /** Ids of tasks whose take-over the store has not answered yet. */
  readonly #claiming = new Set<string>();
  /** Ids of tasks that the store has postponed, and that will be looked at again. */
  readonly #postponed = new Set<string>();

  constructor(
    readonly store: OpenTaskStore,
    readonly host: RestartHost,
  ) {}

  get size(): number {
    return this.#claiming.size;
  }

  /** Runs `record` again, provided that `onLost` allows it, the store agrees, and `handler` is the task's own. */
  async restart(record: TaskRecord, handler: TaskHandler): Promise<void> {
    const { taskId, orphaned } = record;
    const { options, handlers } = this.host;
    if (options.onLost !== 'restart' || handler.handler === undefined || handler.handler !== record.handler) return;
    handlers.remember(handler);
    if (!orphaned || this.host.room <= 0 || this.host.run(taskId) !== undefined || this.#claiming.has(taskId)) return;
    const snapshot = makeFold(handler.snapshot);
    this.#claiming.add(taskId);
    try {
      const takeover = await this.store.claim(taskId, handler.snapshot !== undefined);
      if (takeover === undefined) return;
      if ('laterMs' in takeover) this.#restartLater(taskId, handler, takeover.laterMs);
      else if (this.host.isStopping) await releaseTakeover(takeover);
      else this.host.begin(takeover, { ...handler, snapshot, input: readInput(takeover.input) });
    } finally {
      this.#claiming.delete(taskId);
    }
  }

  /** Looks at the task again in `ms`: once, however many clients come back meanwhile. */
  #restartLater(taskId: string, handler: TaskHandler, ms: number): void {
    if (this.#postponed.has(taskId)) return;
    this.#postponed.add(taskId);
    this.host.options.clock.after(ms, () => {
      this.#postponed.delete(taskId);
      void this.#lookAgain(taskId, handler);
    });
  }

  async #lookAgain(taskId: string, handler: TaskHandler): Promise<void> {
    try {
      const found = await this.store.find({ taskId });
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
