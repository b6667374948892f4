/** Remembers which jobs this instance can run again, when their tasks are lost elsewhere. */
import { LRUCache } from 'lru-cache';
import { TaskError } from '../errors.js';
import type { OrphanRunner, TaskRecord } from '../ports.js';
import type { TaskHandler } from '../run/start-request.js';

/** Runs tasks that no other instance runs any more. */
export interface Restarter {
  /** The number of tasks that may still be started here now. */
  readonly room: number;
  restart(record: TaskRecord, handler: TaskHandler): Promise<void>;
}

/** Clients can make up any number of paths, so only the latest ones are remembered. */
const MAX_ROUTES = 1_000;

/** Holds the handlers of this instance, which can run a lost task without a request that brings its job. */
export class HandlerRegistry implements OrphanRunner {
  readonly #named = new Map<string, TaskHandler>();
  /** Handlers without a name whose clients have come here. Such a client waits for its task and does not ask again. */
  readonly #routes = new LRUCache<string, TaskHandler>({ max: MAX_ROUTES });

  constructor(readonly restarter: Restarter) {}

  /** @throws TaskError `INVALID_OPTION` where another job has the name */
  register(name: string, handler: TaskHandler): void {
    const known = this.#named.get(name);
    if (known !== undefined && known.job !== handler.job) {
      throw new TaskError('INVALID_OPTION', `Expected name to belong to one handler, got ${name} for two`);
    }
    this.#named.set(name, handler);
  }

  /** Remembers the handler of a task that a client has come back to. */
  remember(handler: TaskHandler): void {
    const { handler: route } = handler;
    if (route !== undefined && !this.#named.has(route)) this.#routes.set(route, handler);
  }

  get handlers(): readonly string[] {
    return [...this.#named.keys(), ...this.#routes.keys()];
  }

  get room(): number {
    return this.restarter.room;
  }

  async run(record: TaskRecord): Promise<void> {
    const name = record.handler ?? '';
    const handler = this.#named.get(name) ?? this.#routes.get(name);
    if (handler !== undefined) await this.restarter.restart(record, handler);
  }
}
