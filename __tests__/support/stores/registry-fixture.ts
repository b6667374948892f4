import { EventLog } from '../../../lib/core/log/event-log.js';
import type { StoreSettings } from '../../../lib/core/ports.js';
import { MemoryTask } from '../../../lib/core/store/memory-task.js';
import { TaskRegistry } from '../../../lib/core/store/task-registry.js';
import { ManualClock } from '../clock/manual-clock.js';
import { draft, storeSettings } from './store-fixtures.js';

export const TTL_MS = 60_000;
export const KIB = 1_024;

/** A task registry on a clock that a test moves, and short ways to fill it. */
export class RegistryFixture {
  clock = new ManualClock();
  registry = new TaskRegistry(storeSettings({ clock: this.clock, ttlMs: TTL_MS }));

  /** Begins anew with an empty registry, and with the settings that are given. */
  readonly open = (changed: Partial<StoreSettings> = {}): void => {
    this.clock = new ManualClock();
    this.registry = new TaskRegistry(storeSettings({ clock: this.clock, ttlMs: TTL_MS, ...changed }));
  };

  readonly add = (kib = 0, owner?: string): MemoryTask => {
    const { settings, memory } = this.registry;
    const task = new MemoryTask(draft({ owner }), new EventLog(settings.log, memory), settings);
    this.registry.add(task);
    this.grow(task, kib);
    return task;
  };

  /** Appends events that take a segment of about 1 KiB each. */
  readonly grow = (task: MemoryTask, kib: number): void => {
    for (let n = 0; n < kib; n++) task.log.append('x'.repeat(KIB - 8));
  };

  readonly end = (task: MemoryTask): MemoryTask => {
    task.status = 'completed';
    task.end();
    this.registry.keepFinished(task);
    return task;
  };

  readonly finished = (kib = 0): MemoryTask => this.end(this.add(kib));

  readonly statusOf = (task: MemoryTask): string | undefined => this.registry.find({ taskId: task.taskId })?.status;
}
