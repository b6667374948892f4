export { useTask, type UseTask } from './use-task.js';
export type { UseTaskOptions } from './task-view-store.js';
export type { TaskView, UseTaskStatus } from './task-view.js';
