/** The package-level functions, which work on one manager per process. */
import { TaskError } from './core/errors.js';
import type { TaskManagerOptions } from './manager-options.js';
import type { TaskManager } from './manager-types.js';
import { createTaskManager } from './create-task-manager.js';

/**
 * Names the default manager on `globalThis`. It is the only module state of the library, and each process has it once,
 * whichever of the ESM and CommonJS builds it loads.
 */
const DEFAULT_MANAGER: unique symbol = Symbol.for('resumable-sse.defaultManager');
const perProcess = globalThis as { [DEFAULT_MANAGER]?: TaskManager | undefined };

/**
 * Makes the default manager with `options`. Without a call of `init`, the first use makes one with the defaults.
 * @throws TaskError `INVALID_OPTION` when it is in use already
 */
export function init(options?: TaskManagerOptions): TaskManager {
  if (perProcess[DEFAULT_MANAGER] !== undefined)
    throw new TaskError(
      'INVALID_OPTION',
      'The default manager exists already: call init once, before anything else of the package is used',
    );
  return (perProcess[DEFAULT_MANAGER] = createTaskManager(options));
}

const shared = (): TaskManager => (perProcess[DEFAULT_MANAGER] ??= createTaskManager());

/** Calls `TaskManager.executeWithSSE` of the default manager. */
export const executeWithSSE: TaskManager['executeWithSSE'] = (...args) => shared().executeWithSSE(...args);
/** Calls `TaskManager.updateProgress` of the default manager. */
export const updateProgress: TaskManager['updateProgress'] = (...args) => shared().updateProgress(...args);
/** Calls `TaskManager.completeTask` of the default manager. */
export const completeTask: TaskManager['completeTask'] = (...args) => shared().completeTask(...args);
/** Calls `TaskManager.cancelTask` of the default manager. */
export const cancelTask: TaskManager['cancelTask'] = (...args) => shared().cancelTask(...args);
/** Calls `TaskManager.getTaskInfo` of the default manager. */
export const getTaskInfo: TaskManager['getTaskInfo'] = (...args) => shared().getTaskInfo(...args);
