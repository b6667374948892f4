export { useTask, type UseTask } from './use-task.js';
export type { TaskView, UseTaskOptions, UseTaskStatus } from './task-view-store.js';
