import { TaskError, type PublicError } from './errors.js';
import { EventLog } from './event-log.js';
import type {
  Creation,
  Executor,
  SnapshotFold,
  StoreSettings,
  StoreSizes,
  TaskDraft,
  TaskFilter,
  TaskRecord,
  TaskRef,
  TaskStore,
  TaskWriter,
  Tombstone,
} from './ports.js';
import { move, TERMINAL_EVENT, type FinalStatus } from './status.js';
import { StoredTask } from './stored-task.js';
import { TaskRegistry } from './task-registry.js';

/** Tasks in this process's memory. Everything commits at once, so nothing here returns a promise. */
export class MemoryStore implements TaskStore {
  readonly shared = false;
  #registry: TaskRegistry | undefined;

  start(settings: StoreSettings): void {
    this.#registry ??= new TaskRegistry(settings);
  }

  create(draft: TaskDraft, executor: Executor): Creation {
    const { registry } = this;
    const { owner, idempotencyKey } = draft;
    const existing = idempotencyKey === undefined ? undefined : registry.find({ owner, idempotencyKey });
    if (existing instanceof StoredTask) return { created: false, record: existing };
    if (registry.runningOf(owner) >= registry.settings.maxTasksPerOwner) {
      throw new TaskError('TOO_MANY_TASKS', 'Too many of your tasks are running');
    }
    const task = new StoredTask(draft, new EventLog(registry.settings.log, registry), registry.settings, executor);
    registry.add(task);
    return { created: true, writer: new MemoryWriter(task, registry) };
  }

  find(ref: TaskRef): TaskRecord | Tombstone | undefined {
    return this.registry.find(ref);
  }

  list({ status, owner, limit }: TaskFilter): readonly TaskRecord[] {
    const found: StoredTask[] = [];
    for (const task of this.registry.values()) {
      if (status !== undefined && task.status !== status) continue;
      if (owner !== undefined && task.owner !== owner) continue;
      found.push(task);
    }
    return found.sort((a, b) => (a.taskId < b.taskId ? 1 : -1)).slice(0, limit); // v7 uuids sort by time
  }

  open(taskId: string): StoredTask | undefined {
    return this.registry.get(taskId);
  }

  departedAt(taskId: string, subscriberId: string): number | undefined {
    return this.registry.get(taskId)?.departedAt(subscriberId);
  }

  requestCancel(taskId: string, reason: PublicError): boolean {
    const task = this.registry.get(taskId);
    if (task?.status !== 'running') return false;
    task.executor.cancelRequested(reason);
    return true;
  }

  claim(taskId: string, executor: Executor, snapshot?: SnapshotFold): TaskWriter | undefined {
    const task = this.registry.get(taskId);
    if (task?.status !== 'running' || !task.orphaned) return undefined;
    task.executor.fenced(fenced());
    task.executor = executor;
    task.fold(snapshot);
    task.orphaned = false;
    task.token++;
    task.attempt++;
    return new MemoryWriter(task, this.registry);
  }

  sweep(): boolean {
    return this.registry.sweep();
  }

  sizes(): StoreSizes {
    return this.registry.sizes;
  }

  get registry(): TaskRegistry {
    if (this.#registry === undefined) throw new TaskError('STORE_UNAVAILABLE', 'The store has not been started');
    return this.#registry;
  }
}

class MemoryWriter implements TaskWriter {
  readonly #token: number;

  constructor(
    readonly record: StoredTask,
    readonly registry: TaskRegistry,
  ) {
    this.#token = record.token;
  }

  append(event: string | undefined, json: string): void {
    const task = this.#writable();
    if (task.status !== 'running') throw new TaskError('TASK_NOT_RUNNING', `The task is already ${task.status}`);
    this.#append(event, json);
    if (event === undefined) task.progress = json;
  }

  finish(status: FinalStatus, json: string): void {
    const task = this.#writable();
    task.status = move(task.status, status);
    task.outcome = json;
    this.#append(TERMINAL_EVENT[status], json);
    task.end();
    this.registry.retire(task);
  }

  release(): void {
    this.#writable().orphaned = true;
  }

  #append(event: string | undefined, json: string): void {
    const { log } = this.record;
    log.append(this.registry.settings.encode(this.record, log.lastSeq + 1, event, json));
    this.record.updatedAtMs = this.registry.settings.clock.wallNow();
  }

  #writable(): StoredTask {
    if (this.record.token !== this.#token) throw fenced();
    return this.record;
  }
}

const fenced = (): TaskError => new TaskError('FENCED', 'Another instance has taken the task over');
