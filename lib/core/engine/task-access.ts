/** Decides who may reach a task: its owner alone, for as long as it is kept. For others it does not exist. */
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

/** Returns the task that was found for `owner`. @throws TaskError `TASK_NOT_FOUND`, also for the tasks of other owners; `TASK_EXPIRED` */
export const ownedRecord = (found: TaskRecord | Tombstone | undefined, owner: string | undefined): TaskRecord =>
  requireRecord(found?.owner === owner ? found : undefined);
