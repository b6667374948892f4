import { TaskError } from './core/errors.js';
import { createTaskManager, type TaskManager, type TaskManagerOptions } from './task-manager.js';

/** The only state of a module in this library: one manager for programs that need no more than one. */
let manager: TaskManager | undefined;

/**
 * Makes the default manager with `options`; without it, the first use makes one with the defaults (TTL 1 h).
 * @throws TaskError `INVALID_OPTION` when it is in use already
 */
export function init(options?: TaskManagerOptions): TaskManager {
  if (manager !== undefined)
    throw new TaskError('INVALID_OPTION', 'Call init once, before the default manager is used');
  return (manager = createTaskManager(options));
}

const shared = (): TaskManager => (manager ??= createTaskManager());

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
