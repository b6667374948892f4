import { TaskError } from './errors.js';
import type { OrphanRunner, TaskRecord } from './ports.js';
import type { TaskHandler } from './requests.js';

/** What this instance can do with a task that no other instance runs any more. */
export interface Restarts {
  /** How many tasks more may run here now. */
  readonly room: number;
  restart(record: TaskRecord, handler: TaskHandler): Promise<void>;
}

/** The named handlers of this instance: they run tasks again that no request comes back to. */
export class Handlers implements OrphanRunner {
  readonly #handlers = new Map<string, TaskHandler>();

  constructor(readonly restarts: Restarts) {}

  /** @throws TaskError `INVALID_OPTION` where another job has the name */
  register(name: string, handler: TaskHandler): void {
    const known = this.#handlers.get(name);
    if (known !== undefined && known.job !== handler.job) {
      throw new TaskError('INVALID_OPTION', `Expected name to belong to one handler, got ${name} for two`);
    }
    this.#handlers.set(name, handler);
  }

  get handlers(): readonly string[] {
    return [...this.#handlers.keys()];
  }

  get room(): number {
    return this.restarts.room;
  }

  async run(record: TaskRecord): Promise<void> {
    const handler = this.#handlers.get(record.handler ?? '');
    if (handler !== undefined) await this.restarts.restart(record, handler);
  }
}
