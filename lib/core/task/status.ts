/** The states of a task, and the moves between them. */
import { TaskError } from '../errors.js';

/** The state of a task: running, or one of the three final states. */
export type TaskStatus = 'running' | 'completed' | 'failed' | 'cancelled';
export type FinalStatus = Exclude<TaskStatus, 'running'>;

/** The event name of each final state. */
export const TERMINAL_EVENT: Readonly<Record<FinalStatus, string>> = {
  completed: 'complete',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** Every legal move. What is not listed here cannot happen. */
const MOVES: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  running: ['completed', 'failed', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Returns `to`. @throws TaskError `TASK_NOT_RUNNING` for a move that the table does not list: the first outcome wins. */
export function move(from: TaskStatus, to: FinalStatus): FinalStatus {
  if (!MOVES[from].includes(to)) throw new TaskError('TASK_NOT_RUNNING', `The task is already ${from}`);
  return to;
}

export const isFinal = (status: TaskStatus): status is FinalStatus => MOVES[status].length === 0;
