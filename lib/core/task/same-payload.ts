/** Tells a repeated start from a new one under the same idempotency key. */
import { TaskError } from '../errors.js';
import type { TaskRecord } from '../ports.js';

/**
 * Returns the task that a repeated start has found.
 * @throws TaskError `KEY_REUSED` unless it was started with the same payload
 */
export function samePayload(record: TaskRecord, fingerprint: string | undefined): TaskRecord {
  if (record.fingerprint === fingerprint) return record;
  const reason = 'The idempotency key was used with another payload, or with a body that no middleware has parsed';
  throw new TaskError('KEY_REUSED', reason);
}
