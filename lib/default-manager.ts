import { TaskError } from './core/errors.js';
import type { TaskManagerOptions } from './manager-options.js';
import type { TaskManager } from './manager.js';
import { createTaskManager } from './task-manager.js';

/**
 * The only state of a module in this library, and the process has it once, whichever of the ESM and CommonJS builds it
 * loads: one manager for programs that need no more than one.
 */
const DEFAULT_MANAGER: unique symbol = Symbol.for('resumable-sse.defaultManager');
const perProcess = globalThis as { [DEFAULT_MANAGER]?: TaskManager | undefined };

/**
 * Makes the default manager with `options`; without it, the first use makes one with the defaults (TTL 1 h).
 * @throws TaskError `INVALID_OPTION` when it is in use already
 */
export function init(options?: TaskManagerOptions): TaskManager {
  if (perProcess[DEFAULT_MANAGER] !== undefined)
    throw new TaskError('INVALID_OPTION', 'Call init once, before the default manager is used');
  return (perProcess[DEFAULT_MANAGER] = createTaskManager(options));
}

const shared = (): TaskManager => (perProcess[DEFAULT_MANAGER] ??= createTaskManager());

/** As `TaskManager.executeWithSSE`, on the default manager. */
export const executeWithSSE: TaskManager['executeWithSSE'] = (...args) => shared().executeWithSSE(...args);
/** As `TaskManager.updateProgress`, on the default manager. */
export const updateProgress: TaskManager['updateProgress'] = (...args) => shared().updateProgress(...args);
/** As `TaskManager.completeTask`, on the default manager. */
export const completeTask: TaskManager['completeTask'] = (...args) => shared().completeTask(...args);
/** As `TaskManager.cancelTask`, on the default manager. */
export const cancelTask: TaskManager['cancelTask'] = (...args) => shared().cancelTask(...args);
/** As `TaskManager.getTaskInfo`, on the default manager. */
export const getTaskInfo: TaskManager['getTaskInfo'] = (...args) => shared().getTaskInfo(...args);
