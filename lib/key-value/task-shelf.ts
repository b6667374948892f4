import type { Tombstone } from '../core/ports.js';
import type { Ref } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { Documents, type Change, type KeyValue } from './key-value.js';
import { leadsTo, pointerKey, taskKey, TASKS, tombstoneKey, type TaskDocument } from './task-document.js';

/** A task that is not visible after so long never will be: whoever was creating it is gone. */
const START_MS = 60_000;

/** Tasks in a key-value store: found, walked through, and changed one at a time. */
export class TaskShelf {
  readonly documents: Documents;
  readonly #startedAtMs: number;

  constructor(
    keyValue: KeyValue,
    readonly settings: DriverSettings,
  ) {
    this.documents = new Documents(keyValue);
    this.#startedAtMs = settings.clock.wallNow() - settings.clock.now();
  }

  /** The wall clock at the start plus the monotonic time since, in whole ms since 1970. */
  get now(): number {
    return Math.trunc(this.#startedAtMs + this.settings.clock.now());
  }

  isKept({ start, expires = Infinity }: TaskDocument): boolean {
    return start === undefined && expires > this.now;
  }

  isAbandoned({ start, begunAtMs }: TaskDocument): boolean {
    return start !== undefined && this.now - begunAtMs > START_MS;
  }

  async find(ref: Ref): Promise<TaskDocument | undefined> {
    const taskId = await this.#idOf(ref);
    const task = taskId === undefined ? undefined : await this.documents.read<TaskDocument>(taskKey(taskId));
    return task !== undefined && this.isKept(task) && leadsTo(ref, task) ? task : undefined;
  }

  /** Returns the tombstone of a task whose retention is over, whether or not the sweep has come by. */
  async findTombstone(ref: Ref): Promise<Tombstone | undefined> {
    const taskId = 'owner' in ref ? undefined : await this.#idOf(ref);
    if (taskId === undefined) return undefined;
    const task = await this.documents.read<TaskDocument>(taskKey(taskId));
    if (task?.expires !== undefined) return { status: 'expired', owner: task.owner };
    const tombstone = await this.documents.read<StoredTombstone>(tombstoneKey(taskId));
    if (tombstone === undefined || tombstone.until <= this.now) return undefined;
    return { status: 'expired', owner: tombstone.owner };
  }

  /** Changes a task that is kept, in one step. `missing` is the answer where there is none. */
  async update<R>(
    taskId: string,
    missing: R,
    change: (task: TaskDocument) => Change<TaskDocument, R> | Promise<Change<TaskDocument, R>>,
  ): Promise<R> {
    return this.documents.update<TaskDocument, R>(taskKey(taskId), (task) =>
      task === undefined || !this.isKept(task) ? { answer: missing } : change(task),
    );
  }

  /** Puts what `change` returns in the place of a task that is kept; undefined deletes it. */
  async replace(taskId: string, change: (task: TaskDocument) => TaskDocument | undefined): Promise<void> {
    await this.documents.replace<TaskDocument>(taskKey(taskId), (task) =>
      task === undefined || !this.isKept(task) ? task : change(task),
    );
  }

  /** All tasks whose retention is not over, in the order of their ids. */
  async *walk(after = ''): AsyncGenerator<TaskDocument> {
    for await (const [, task] of this.documents.scan<TaskDocument>(TASKS, taskKey(after)))
      if (this.isKept(task)) yield task;
  }

  /** Up to `limit` tasks for which `isWanted` holds. */
  async filter(isWanted: (task: TaskDocument) => boolean, limit = Infinity, after?: string): Promise<TaskDocument[]> {
    const found: TaskDocument[] = [];
    for await (const task of this.walk(after)) {
      if (found.length >= limit) break;
      if (isWanted(task)) found.push(task);
    }
    return found;
  }

  async #idOf(ref: Ref): Promise<string | undefined> {
    if ('taskId' in ref) return ref.taskId;
    return (await this.documents.read<Pointer>(pointerKey(ref)))?.taskId;
  }
}

/** The document under an idempotency key, a slot or a resume key. */
export interface Pointer {
  readonly taskId: string;
  /** The attempt to create the task that has taken the place. */
  readonly start: string;
}

/** The tombstone of a task that was forgotten. */
export interface StoredTombstone {
  readonly taskId: string;
  readonly resumeKey: string;
  readonly owner: string | undefined;
  /** It is forgotten as well from then on. */
  readonly until: number;
}
