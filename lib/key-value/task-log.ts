import type { Batch, Claim, Claimed, Fate } from '../distributed/port/calls.js';
import { comparePlaces, isExcess, trailingProgress } from '../distributed/port/entry.js';
import type { Ending, Entry, Place } from '../distributed/port/stored.js';
import { entriesPrefix, entryKey, isInLog, shown, type TaskDocument } from './task-document.js';
import type { TaskShelf } from './task-shelf.js';

/**
 * The logs of tasks. Entries stand under keys of their own and are written first; they are part of the log once the task's
 * document says that it reaches so far, and that is one step.
 */

export async function append(shelf: TaskShelf, batch: Batch): Promise<Fate> {
  const { taskId, token, entries, progress, snapshot, ending } = batch;
  const fate = await shelf.update<Fate>(taskId, { kind: 'gone' }, async (task) => {
    if (task.token > token) return { answer: { kind: 'fenced' } };
    const added = entries.filter(({ place }) => comparePlaces(place, task.top) > 0);
    const last = added.at(-1);
    if (last === undefined) return { answer: { kind: 'committed' } };
    if (task.status !== 'running') return { answer: { kind: 'ended' } };
    for (const entry of added) await shelf.documents.write(entryKey(taskId, entry.place), entry);
    const next: TaskDocument = { ...task, top: last.place, updatedAtMs: last.atMs };
    if (task.top.token < token) next.ends = [...task.ends, [task.top.token, task.top.seq]];
    next.lastProgress = trailingProgress(last.text);
    if (progress !== undefined) next.progress = progress;
    if (snapshot !== undefined) next.snapshot = snapshot;
    if (ending !== undefined) end(shelf, next, ending);
    const dropped = batch.trim ? await trim(shelf, next) : undefined;
    return { answer: { kind: 'committed', dropped }, value: next };
  });
  if (fate.kind === 'committed' && fate.dropped !== undefined) await deleteEntries(shelf, taskId, fate.dropped);
  return fate;
}

/** Entries of a task after a place, oldest first. */
export async function readAfter(
  shelf: TaskShelf,
  taskId: string,
  after: Pick<Place, 'token' | 'seq'>,
  limit: number,
): Promise<Entry[]> {
  const task = await shelf.find({ taskId });
  const found: Entry[] = [];
  if (task === undefined) return found;
  for await (const entry of entriesOf(shelf, task, after)) {
    if (found.length >= limit) break;
    found.push(entry);
  }
  return found;
}

export async function claim(shelf: TaskShelf, claimed: Claim): Promise<Claimed> {
  const { taskId, expected, instance, token, attempt, nonce, ending } = claimed;
  return shelf.update<Claimed>(taskId, { lost: 'gone' }, (task) => {
    if (task.token === token && task.nonce === nonce) return { answer: won(task) };
    if (task.status !== 'running') return { answer: { lost: 'ended' } };
    if (task.token !== expected.token || task.holder !== expected.holder) return { answer: { lost: 'taken' } };
    const { top, ends, marks, schema } = task;
    const atMs = shelf.settings.clock.wallNow();
    const mark: Entry = { place: { ...top, token }, events: 0, bytes: 0, atMs, schema, text: '' };
    const next: TaskDocument = {
      ...{ ...task, token, attempt, nonce, holder: instance, keeper: instance, orphan: undefined },
      ...{ progress: task.lastProgress ?? task.progress, lastProgress: undefined },
      ...{ top: mark.place, updatedAtMs: atMs, ends: [...ends, [top.token, top.seq]], marks: [...marks, mark] },
    };
    if (ending !== undefined) {
      const place = { token, seq: top.seq + 1, bytes: top.bytes + ending.bytes };
      next.marks = [...next.marks, { ...mark, place, events: 1, bytes: ending.bytes, text: ending.text }];
      next.top = place;
      end(shelf, next, ending);
    }
    return { answer: won(next), value: next };
  });
}

/** Deletes the entries up to a place, or all of them. */
export async function deleteEntries({ documents }: TaskShelf, taskId: string, upTo?: Place): Promise<void> {
  for await (const [key, { place }] of documents.scan<Entry>(entriesPrefix(taskId))) {
    if (upTo !== undefined && comparePlaces(place, upTo) > 0) return;
    await documents.delete(key);
  }
}

const won = (task: TaskDocument): Claimed => ({ won: shown(task, { input: true, progress: true }) });

function end({ settings, now }: TaskShelf, task: TaskDocument, { status, outcome }: Ending): void {
  const endedAtMs = settings.clock.wallNow();
  Object.assign(task, { status, outcome, endedAtMs, expiresAtMs: endedAtMs + settings.ttlMs });
  Object.assign(task, { expires: now + settings.ttlMs, keeper: undefined, orphan: undefined });
}

/** The log as it is after `task` says so: what claims have written among the entries that stand alone. */
async function* entriesOf(
  { documents }: TaskShelf,
  task: TaskDocument,
  { token, seq }: Pick<Place, 'token' | 'seq'>,
): AsyncGenerator<Entry> {
  const after = { token, seq, bytes: 0 };
  const marks = task.marks.filter(({ place }) => comparePlaces(place, after) > 0);
  for await (const [, entry] of documents.scan<Entry>(entriesPrefix(task.taskId), entryKey(task.taskId, after))) {
    if (!isInLog(task, entry.place)) continue;
    while (marks[0] !== undefined && comparePlaces(marks[0].place, entry.place) < 0) yield marks.shift() as Entry;
    yield entry;
  }
  yield* marks;
}

/** Drops the oldest entries of a log. Returns the end of the last one that it dropped. */
async function trim(shelf: TaskShelf, task: TaskDocument): Promise<Place | undefined> {
  let last: Place | undefined;
  for await (const entry of entriesOf(shelf, task, task.dropped)) {
    if (!isExcess(entry, task.top, shelf.settings.limits)) break;
    last = entry.place;
  }
  if (last === undefined) return undefined;
  task.dropped = last;
  task.marks = task.marks.filter(({ place }) => isInLog(task, place));
  return last;
}
