import type { Fate } from '../../lib/distributed/port/calls.js';
import type { StoredTask, TaskState } from '../../lib/distributed/port/stored.js';

/** Answers of drivers without what a driver is free in, so that they can be compared. */

export const withoutUndefined = (value: unknown): unknown => JSON.parse(JSON.stringify({ value })) as unknown;

/** A task without the token of `dropped`, in which drivers may differ. */
export function plainTask(task: StoredTask | { status: 'expired' } | undefined): unknown {
  if (task === undefined || task.status === 'expired') return task;
  const { dropped, ...rest } = task;
  return { ...rest, dropped: { seq: dropped.seq, bytes: dropped.bytes } };
}

export function plainFate(fate: Fate): unknown {
  return fate.kind === 'committed' ? { kind: fate.kind, seq: fate.dropped?.seq ?? 0 } : fate;
}

export function stateOf(state: TaskState | undefined): unknown {
  if (state === undefined) return undefined;
  const { taskId, status, token, holder, attempt, losses, cancel, top, schema } = state;
  return { taskId, status, token, holder, attempt, losses, cancel, top, schema };
}
