import type { SnapshotPast } from '../core/ports.js';
import type { StoredSnapshot } from './batch.js';
import type { Context } from './context.js';
import type { RedisRecord } from './record.js';

/** So many entries of a stream are read at a time. */
export const PAGE = 100;

/** `<last seq>-<bytes>`, then event names (empty for progress) and JSON by turns. */
type Entry = readonly [id: string, words: readonly string[]];

export async function readEntries({ keys, commands }: Context, taskId: string, after: number): Promise<Entry[]> {
  const key = keys.events(taskId);
  return (await commands.send(key, 'XRANGE', key, `${after + 1}-0`, '+', 'COUNT', String(PAGE))) as Entry[];
}

/** Hands on each event that comes after the one with the seq `after`. */
export function eachEvent(
  entries: readonly Entry[],
  after: number,
  take: (seq: number, event: string | undefined, json: string) => void,
): void {
  for (const [id, words] of entries) {
    const before = Number(id.split('-', 1)[0]) - words.length / 2;
    for (let i = 2 * Math.max(0, after - before); i < words.length; i += 2) {
      take(before + i / 2 + 1, words[i] === '' ? undefined : words[i], words[i + 1] as string);
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
  let entries: Entry[];
  do {
    entries = await readEntries(context, taskId, seq);
    eachEvent(entries, seq, (next, event, json) => {
      missing += next - seq - 1;
      seq = next;
      if (event === undefined) progress.push(json);
    });
  } while (entries.length === PAGE);
  return missing === 0 && seq === lastSeq ? { state: stored?.json, progress } : undefined;
}
