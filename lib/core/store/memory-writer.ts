/** The right to write to a task of this process's memory. */
import { TaskError } from '../errors.js';
import type { Executor, TaskWriter } from '../ports.js';
import { move, TERMINAL_EVENT, type FinalStatus } from '../task/status.js';
import type { MemoryTask } from './memory-task.js';
import type { TaskRegistry } from './task-registry.js';

export class MemoryWriter implements TaskWriter {
  readonly #token: number;

  constructor(
    readonly record: MemoryTask,
    readonly registry: TaskRegistry,
  ) {
    this.#token = record.token;
  }

  begin(executor: Executor): void {
    if (this.record.token === this.#token) this.record.executor = executor;
    else
      setImmediate(() => {
        executor.fenced(fenced());
      });
  }

  append(event: string | undefined, json: string): void {
    const task = this.#writable();
    if (task.status !== 'running') throw new TaskError('TASK_NOT_RUNNING', `The task is already ${task.status}`);
    this.#append(event, json);
    if (event === undefined) task.keepProgress(json);
  }

  finish(status: FinalStatus, json: string): void {
    const task = this.#writable();
    task.status = move(task.status, status);
    task.outcome = json;
    this.#append(TERMINAL_EVENT[status], json);
    task.end();
    this.registry.keepFinished(task);
  }

  countSubscribers(): number {
    return this.record.subscribers;
  }

  release(): void {
    const task = this.#writable();
    task.orphaned = true;
    task.detach();
  }

  #append(event: string | undefined, json: string): void {
    const { log } = this.record;
    log.append(this.registry.settings.encode(this.record, log.lastSeq + 1, event, json));
    this.record.updatedAtMs = this.registry.settings.clock.wallNow();
  }

  #writable(): MemoryTask {
    if (this.record.token !== this.#token) throw fenced();
    return this.record;
  }
}

/** The reason of a writer that is void, because the task has been claimed. */
export const fenced = (): TaskError => new TaskError('FENCED', 'Another instance has taken the task over');
