/** The store that keeps tasks in the memory of this process. */
import { tooManyTasks, type PublicError } from '../errors.js';
import { EventLog } from '../log/event-log.js';
import type { MemoryBudget } from '../log/memory.js';
import type {
  Creation,
  OpenTaskStore,
  StoreSettings,
  StoreSizes,
  Takeover,
  TaskDraft,
  TaskFilter,
  TaskRecord,
  TaskRef,
  Tombstone,
} from '../ports.js';
import { MemoryFeed } from './memory-feed.js';
import { MemoryTask } from './memory-task.js';
import { fenced, MemoryWriter } from './memory-writer.js';
import { TaskRegistry } from './task-registry.js';

/** Keeps tasks in this process's memory. Everything commits at once, so no method returns a promise. */
export class MemoryStore implements OpenTaskStore {
  readonly shared: boolean = false;
  readonly registry: TaskRegistry;

  constructor(settings: StoreSettings) {
    this.registry = new TaskRegistry(settings);
  }

  get memory(): MemoryBudget {
    return this.registry.memory;
  }

  create(draft: TaskDraft, settling = 0): Creation {
    const { registry } = this;
    const { owner, idempotencyKey, slot } = draft;
    const repeated = idempotencyKey === undefined ? undefined : registry.find({ owner, idempotencyKey });
    if (repeated instanceof MemoryTask) return { created: false, taken: 'idempotencyKey', record: repeated };
    const running = slot === undefined ? undefined : registry.find({ owner, slot });
    if (running instanceof MemoryTask) return { created: false, taken: 'slot', record: running };
    if (registry.runningOf(owner) + settling >= registry.settings.maxTasksPerOwner) {
      throw tooManyTasks();
    }
    const task = new MemoryTask(draft, new EventLog(registry.settings.log, registry.memory), registry.settings);
    registry.add(task);
    return { created: true, writer: new MemoryWriter(task, registry) };
  }

  find(ref: TaskRef): TaskRecord | Tombstone | undefined {
    return this.registry.find(ref);
  }

  list({ status, owner, limit, before }: TaskFilter): readonly TaskRecord[] {
    const found: MemoryTask[] = [];
    for (const task of this.registry.values(owner)) {
      if (status !== undefined && task.status !== status) continue;
      if (before !== undefined && task.taskId >= before) continue;
      found.push(task);
    }
    return found.sort((a, b) => (a.taskId < b.taskId ? 1 : -1)).slice(0, limit); // v7 uuids sort by time
  }

  open(taskId: string): MemoryFeed | undefined {
    const task = this.registry.get(taskId);
    return task && new MemoryFeed(task);
  }

  departedAt(taskId: string, subscriberId: string): number | undefined {
    return this.registry.get(taskId)?.audience.departedAt(subscriberId);
  }

  requestCancel(taskId: string, reason: PublicError): boolean {
    const task = this.registry.get(taskId);
    if (task?.status !== 'running') return false;
    task.cancel ??= reason;
    task.executor.cancelRequested(reason);
    return true;
  }

  claim(taskId: string): Takeover | undefined {
    const task = this.registry.get(taskId);
    if (task?.status !== 'running' || !task.orphaned) return undefined;
    const { executor, input, past } = task;
    task.detach();
    task.orphaned = false;
    task.token++;
    task.log.epochs.begin(task.token, task.lastSeq + 1);
    task.attempt++;
    executor.fenced(fenced());
    return { writer: new MemoryWriter(task, this.registry), input, past };
  }

  sweep(): boolean {
    return this.registry.sweep();
  }

  sizes(): StoreSizes {
    return this.registry.sizes;
  }
}
