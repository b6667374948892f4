/** Makes the errors and endings of tasks that are lost, fenced or unreachable. */
import { TaskError, type PublicError } from '../core/errors.js';
import { TERMINAL_EVENT, type FinalStatus } from '../core/task/status.js';
import { eventLines } from './port/entry.js';
import type { Ending, Entry } from './port/stored.js';

export const fenced = (message = 'Another instance has taken the task over'): TaskError =>
  new TaskError('FENCED', message);

export const lostByStore = (): TaskError => new TaskError('TASK_LOST', 'The store has lost the task');

/** The end that an instance writes for a task which it does not run. */
export type ForeignEnding = Ending & Pick<Entry, 'text' | 'bytes'>;

export const lostEnding = (taskId: string, message = 'The instance that ran the task is gone'): ForeignEnding =>
  endingOf('failed', { task_id: taskId, status: 'failed', error: { code: 'TASK_LOST', message } });

export const cancelledEnding = (taskId: string, { code, message }: PublicError): ForeignEnding =>
  endingOf('cancelled', { task_id: taskId, status: 'cancelled', code, reason: message });

function endingOf(status: FinalStatus, data: object): ForeignEnding {
  const outcome = JSON.stringify(data);
  const text = eventLines(TERMINAL_EVENT[status], outcome);
  return { status, outcome, text, bytes: Buffer.byteLength(text) };
}
