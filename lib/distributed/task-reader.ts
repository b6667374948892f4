/** Reads tasks from the store, and answers with a live record where this instance has one. */
import type { TaskRecord, TaskRef, Tombstone } from '../core/ports.js';
import type { Audience } from './fleet/audience.js';
import { isTask, type Ref, type Wanted } from './port/calls.js';
import type { Context } from './context.js';
import type { Liveness } from './fleet/liveness.js';
import { toRecord, type FoundTask } from './records.js';
import { assertKnownSchema } from './port/schema.js';
import type { StoredTask, TaskState } from './port/stored.js';

/** Reads tasks, and adds what only the rules can tell: whether anybody still runs them, and who watches. */
export class TaskReader {
  constructor(
    readonly context: Context,
    readonly liveness: Liveness,
    readonly audience: Audience,
    readonly localSubscribers: (taskId: string) => number,
  ) {}

  /** Nobody holds the task, or whoever does is gone. */
  isOrphaned({ status, holder }: Pick<TaskState, 'status' | 'holder'>): boolean {
    return status === 'running' && (holder === undefined || this.liveness.isDead(holder));
  }

  /** @param texts the last progress, the outcome and the subscribers are wanted too */
  async find(ref: TaskRef, texts: boolean): Promise<TaskRecord | Tombstone | undefined> {
    const task = await this.context.driver.read(ref, texts ? { progress: true, outcome: true } : {});
    if (!isTask(task)) return 'taskId' in ref || 'resumeKey' in ref ? task : undefined;
    const [others = 0] = texts ? await this.audience.countOthers([task.taskId]) : [];
    return this.#toFound(task, others + this.localSubscribers(task.taskId)).record;
  }

  /** A task that is kept, with its audience on other instances. */
  async read(taskId: string, wanted: Wanted): Promise<FoundTask | undefined> {
    const [task, [others = 0]] = await Promise.all([
      this.context.driver.read({ taskId }, wanted),
      this.audience.countOthers([taskId]),
    ]);
    return isTask(task) ? this.#toFound(task, others) : undefined;
  }

  /** The same without its audience. */
  async readTask(ref: Ref): Promise<StoredTask | undefined> {
    const task = await this.context.driver.read(ref);
    if (!isTask(task)) return undefined;
    assertKnownSchema(task.schema, 'The task');
    return task;
  }

  toRecord(task: StoredTask): TaskRecord {
    return this.#toFound(task, 0).record;
  }

  /** The same of many tasks, with their subscribers. */
  async toRecords(tasks: readonly StoredTask[]): Promise<TaskRecord[]> {
    const others = tasks.length === 0 ? [] : await this.audience.countOthers(tasks.map(({ taskId }) => taskId));
    return tasks.map((task, i) => this.#toFound(task, (others[i] ?? 0) + this.localSubscribers(task.taskId)).record);
  }

  #toFound(task: StoredTask, others: number): FoundTask {
    assertKnownSchema(task.schema, 'The task');
    return { task, record: toRecord(task, this.isOrphaned(task), others) };
  }
}
