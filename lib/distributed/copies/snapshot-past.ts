/** Reads the events from which the folded state of a task goes on after a take-over. */
import type { SnapshotPast } from '../../core/ports.js';
import type { Context } from '../context.js';
import { isTask } from '../port/calls.js';
import { eachEvent } from '../port/entry.js';
import { START, type Entry, type StoredTask } from '../port/stored.js';

/** The number of entries that are read at a time. */
const PAGE = 100;

/** Returns the events that the folded state of a task goes on from; undefined where some of them are gone. */
export async function readSnapshotPast(
  { driver }: Context,
  { taskId, top }: StoredTask,
): Promise<SnapshotPast | undefined> {
  const task = await driver.read({ taskId }, { snapshot: true });
  const snapshot = isTask(task) ? task.snapshot : undefined;
  const progress: string[] = [];
  let seq = snapshot?.seq ?? 0;
  let missing = 0;
  let after: Pick<Entry['place'], 'token' | 'seq'> = START;
  let entries: readonly Entry[];
  do {
    entries = await driver.readAfter(taskId, after, PAGE);
    for (const entry of entries) {
      eachEvent(entry, seq, (next, event, json) => {
        missing += next - seq - 1;
        seq = next;
        if (event === undefined) progress.push(json);
      });
      after = entry.place;
    }
  } while (entries.length === PAGE);
  return missing === 0 && seq === top.seq ? { state: snapshot?.json, progress } : undefined;
}
