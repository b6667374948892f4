export { useTask, type UseTask } from './use-task.js';
export type { UseTaskOptions, UseTaskStatus } from './task-store.js';
