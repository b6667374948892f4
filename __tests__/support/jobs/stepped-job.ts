import type { AsyncTask, TaskContext } from '../../../lib/index.js';

/** A job that a test drives: it runs until `end`, and the test emits in its place. */
export class SteppedJob {
  readonly contexts: TaskContext[] = [];
  #end: ((result: unknown) => void) | undefined;
  #started: (() => void)[] = [];

  readonly job: AsyncTask = async (context) => {
    const done = new Promise((resolve, reject) => {
      this.#end = resolve;
      context.signal.addEventListener('abort', () => {
        reject(context.signal.reason as Error);
      });
    });
    this.contexts.push(context);
    for (const wake of this.#started.splice(0)) wake();
    return done;
  };

  get runs(): number {
    return this.contexts.length;
  }

  get context(): TaskContext {
    return this.contexts.at(-1)!;
  }

  async started(runs = 1): Promise<TaskContext> {
    while (this.runs < runs) await new Promise<void>((resolve) => this.#started.push(resolve));
    return this.context;
  }

  /** Emits `from` to `to`; resolves when all are committed. */
  async emit(from: number, to: number): Promise<void> {
    await Promise.all(Array.from({ length: to - from + 1 }, (_, i) => this.context.updateProgress({ n: from + i })));
  }

  end(result: unknown = 'done'): void {
    this.#end?.(result);
  }
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
