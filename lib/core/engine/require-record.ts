/** Turns the answer of a store's `find` into a record, undefined, or an error. */
import { expired, notFound } from '../errors.js';
import type { TaskRecord, Tombstone } from '../ports.js';

/** Returns the task that was found, or undefined where it never existed or is no longer kept. */
export const keptRecord = (found: TaskRecord | Tombstone | undefined): TaskRecord | undefined =>
  found === undefined || found.status === 'expired' ? undefined : found;

/** Returns the task that was found. @throws TaskError `TASK_NOT_FOUND`, `TASK_EXPIRED` */
export function requireRecord(found: TaskRecord | Tombstone | undefined): TaskRecord {
  if (found === undefined) throw notFound();
  if (found.status === 'expired') throw expired();
  return found;
}
