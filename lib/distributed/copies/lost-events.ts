/** Decides what becomes of the local copy of a log whose events, or whose end, the store has lost. */
import type { EventLog } from '../../core/log/event-log.js';
import { isFinal, TERMINAL_EVENT } from '../../core/task/status.js';
import { isTask } from '../port/calls.js';
import type { TaskDriver } from '../port/driver.js';
import type { StoredTask } from '../port/stored.js';

/**
 * Goes on after the event `before`, although events up to it are missing. Readers get a gap, which says whether the
 * store has trimmed them or has lost them.
 */
export async function skipMissing(log: EventLog, driver: TaskDriver, taskId: string, before: number): Promise<void> {
  const task = await driver.read({ taskId });
  const droppedSeq = isTask(task) ? task.dropped.seq : Infinity;
  const isTrimmed = droppedSeq >= before;
  if (isTrimmed) while (log.dropOldestSegment() > 0);
  if (before > log.lastSeq) log.skipTo(before);
}

/**
 * Drops the events after `seq` where a holder with a higher token goes on from there: the store has lost them. Ids with
 * the new token tell readers that theirs are others.
 */
export function dropLost(log: EventLog, token: number, seq: number): void {
  if (token <= log.epochs.current || log.ended) return;
  log.rewindTo(seq);
  log.epochs.begin(token, seq + 1);
}

/**
 * Returns the terminal event of a task whose log has lost it, since the task itself has kept its outcome. The log is
 * ready for it then. Undefined where the log has its end, or the task runs.
 */
export function endAfterLoss(
  log: EventLog,
  { status, outcome, top, token }: StoredTask,
): { readonly seq: number; readonly event: string; readonly json: string } | undefined {
  if (!isFinal(status) || log.ended || log.discarded || outcome === undefined) return undefined;
  const seq = Math.max(top.seq, log.lastSeq + 1);
  if (seq > log.lastSeq + 1) log.skipTo(seq - 1);
  log.epochs.begin(token, seq);
  return { seq, event: TERMINAL_EVENT[status], json: outcome };
}
