import { deleteEntries } from './task-log.js';
import {
  audienceKey,
  pointerKey,
  taskKey,
  TASKS,
  tombstoneKey,
  TOMBSTONES,
  type TaskDocument,
} from './task-document.js';
import type { Pointer, StoredTombstone, TaskShelf } from './task-shelf.js';

/** Forgets up to `limit` ended tasks whose retention is over, and the tombstones that have stood for as long again. */
export async function expire(
  shelf: TaskShelf,
  limit: number,
): Promise<{ readonly gone: readonly string[]; readonly left: number }> {
  const { documents, now } = shelf;
  const ended: (TaskDocument & { readonly expires: number })[] = [];
  for await (const [, task] of documents.scan<TaskDocument>(TASKS)) {
    const { expires } = task;
    if (shelf.isAbandoned(task)) await remove(shelf, task);
    if (expires !== undefined) ended.push({ ...task, expires });
  }
  const due = ended.filter(({ expires }) => expires <= now).sort((a, b) => a.expires - b.expires);
  const gone = due.slice(0, limit);
  for (const task of gone) await forget(shelf, task, task.expires);
  let left = ended.length - gone.length;
  for await (const [key, { taskId, resumeKey, until }] of documents.scan<StoredTombstone>(TOMBSTONES)) {
    if (until > now) left++;
    else {
      if ((await documents.read(taskKey(taskId))) === undefined)
        await leave(shelf, taskId, [pointerKey({ resumeKey })]);
      await documents.delete(key);
    }
  }
  return { gone: gone.map(({ taskId }) => taskId), left };
}

async function forget(shelf: TaskShelf, task: TaskDocument, expires: number): Promise<void> {
  const { taskId, resumeKey, owner } = task;
  const tombstone: StoredTombstone = { taskId, resumeKey, owner, until: expires + shelf.settings.ttlMs };
  await shelf.documents.write(tombstoneKey(taskId), tombstone);
  await remove(shelf, task);
}

/** The task itself goes last: what is left of it, where a process dies here, is found again by the next sweep. */
async function remove(shelf: TaskShelf, task: TaskDocument): Promise<void> {
  const { documents } = shelf;
  const { taskId, owner, idempotencyKey, slot, start, token } = task;
  await deleteEntries(shelf, taskId);
  await documents.delete(audienceKey(taskId));
  const keys: string[] = [];
  if (idempotencyKey !== undefined) keys.push(pointerKey({ idempotencyKey, owner }));
  if (slot !== undefined) keys.push(pointerKey({ slot, owner }));
  await leave(shelf, taskId, keys);
  await documents.replace<TaskDocument>(taskKey(taskId), (current) =>
    current?.start === start && current?.token === token ? undefined : current,
  );
}

/** Frees the places that the task has taken, unless somebody else has them by now. */
async function leave({ documents }: TaskShelf, taskId: string, keys: readonly string[]): Promise<void> {
  for (const key of keys)
    await documents.replace<Pointer>(key, (pointer) => (pointer?.taskId === taskId ? undefined : pointer));
}
