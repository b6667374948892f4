import type { SnapshotPast } from '../core/ports.js';
import type { Context } from './context.js';
import { linesOf, placeOf } from './entry.js';
import type { RedisRecord } from './record.js';
import type { StoredSnapshot } from './snapshot-schedule.js';

/** So many entries of a stream are read at a time. */
export const PAGE = 100;

type Entry = readonly [id: string, fields: readonly [name: string, text: string]];

/** The entries after the one with the id `after`, or from the first one on. */
export async function readEntries({ keys, commands }: Context, taskId: string, after = ''): Promise<Entry[]> {
  const key = keys.events(taskId);
  const start = after === '' ? '-' : `(${after}`;
  return (await commands.send(key, 'XRANGE', key, start, '+', 'COUNT', String(PAGE))) as Entry[];
}

/** Hands on each event that comes after the one with the seq `after`. */
export function eachEvent(
  entries: readonly Entry[],
  after: number,
  take: (seq: number, event: string | undefined, json: string) => void,
): void {
  for (const [id, [, text]] of entries) {
    const lines = linesOf(text);
    const before = placeOf(id).seq - lines.length / 2;
    for (let i = 2 * Math.max(0, after - before); i < lines.length; i += 2) {
      take(before + i / 2 + 1, lines[i] === '' ? undefined : lines[i], lines[i + 1] as string);
    }
  }
}

/** The state that was stored last. */
export async function readSnapshot({ keys, commands }: Context, taskId: string): Promise<StoredSnapshot | undefined> {
  const key = keys.task(taskId);
  const stored = await commands.send(key, 'HGET', key, 'snapshot');
  if (typeof stored !== 'string') return undefined;
  const space = stored.indexOf(' ');
  return { seq: Number(stored.slice(0, space)), json: stored.slice(space + 1) };
}

/** What the state of a task goes on from; undefined where some of that is gone. */
export async function readPast(context: Context, record: RedisRecord): Promise<SnapshotPast | undefined> {
  const { taskId, lastSeq } = record;
  const stored = await readSnapshot(context, taskId);
  const progress: string[] = [];
  let seq = stored?.seq ?? 0;
  let missing = 0;
  let entries: Entry[] = [];
  do {
    entries = await readEntries(context, taskId, entries.at(-1)?.[0]);
    eachEvent(entries, seq, (next, event, json) => {
      missing += next - seq - 1;
      seq = next;
      if (event === undefined) progress.push(json);
    });
  } while (entries.length === PAGE);
  return missing === 0 && seq === lastSeq ? { state: stored?.json, progress } : undefined;
}
