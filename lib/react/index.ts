/** The entry `./react`: a hook over the client, and its types. */
export { useTask, type UseTask } from './use-task.js';
export type { UseTaskOptions } from './task-view-store.js';
export type { TaskView, UseTaskStatus } from './task-view.js';
