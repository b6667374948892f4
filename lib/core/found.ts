import { expired, notFound } from './errors.js';
import type { TaskRecord, Tombstone } from './ports.js';

/** The task that was found, and undefined where there is none, or no more. */
export const kept = (found: TaskRecord | Tombstone | undefined): TaskRecord | undefined =>
  found === undefined || found.status === 'expired' ? undefined : found;

/** The task that was found. @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED` */
export function present(found: TaskRecord | Tombstone | undefined): TaskRecord {
  if (found === undefined) throw notFound();
  if (found.status === 'expired') throw expired();
  return found;
}
