/** Creates tasks in a key-value store, and takes their idempotency keys and slots by compare-and-swap. */
import { randomUUID } from 'node:crypto';
import type { Ref } from '../distributed/port/calls.js';
import type { Documents } from '../tables/documents.js';
import { leadsTo, type Inserted, type KeptTask } from '../tables/task-table.js';
import { placesOf, pointerKey, quotaKey, taskKey, type Pointer, type TaskDocument } from './task-document.js';

/** A name that only one task may have at a time. */
type Place = Exclude<Ref, { readonly taskId: string } | { readonly resumeKey: string }>;

/** A task that is not visible after this long never will be: whoever was creating it is gone. */
const MAX_START_MS = 60_000;

/** Tells whether whoever began to create the task is gone. */
export const isAbandoned = ({ start, begunAtMs }: TaskDocument, now: number): boolean =>
  start !== undefined && now - begunAtMs > MAX_START_MS;

/**
 * Creates a task together with the places that it takes: its idempotency key, its slot, its place in the quota. Several keys
 * cannot be written in one step, so the task is written first, as one that nobody can see; then the places are taken by
 * name; then it is made visible, in one step. Whoever finds a place taken by a task that is not visible yet removes that
 * task and takes the place: so of two exactly one becomes visible. A task that is not to become visible leaves its places
 * before it goes, so that nothing is left where a process dies in between.
 */
export async function insert(documents: Documents, task: KeptTask, quota: number, now: number): Promise<Inserted> {
  const key = taskKey(task.taskId);
  for (;;) {
    const start = randomUUID();
    const begun: TaskDocument = { ...task, tail: [], begunAtMs: now, start };
    const existing = await documents.update<TaskDocument, TaskDocument | undefined>(key, (current) => {
      const isThere = current !== undefined && current.start === undefined && !current.isForgotten;
      return isThere ? { answer: current } : { answer: undefined, value: begun };
    });
    if (existing !== undefined) return { inserted: existing };
    const obstacle = await takePlaces(documents, begun, quota, now);
    if (obstacle !== undefined) await leavePlaces(documents, begun, true);
    const isOwn = await documents.update<TaskDocument, boolean>(key, (current) => {
      if (current?.start !== start) return { answer: false };
      return { answer: true, value: obstacle === undefined ? { ...begun, start: undefined } : undefined };
    });
    if (obstacle !== undefined) return obstacle;
    if (isOwn) return { inserted: task };
  }
}

async function takePlaces(
  documents: Documents,
  { taskId, resumeKey, owner, idempotencyKey, slot, start = '' }: TaskDocument,
  quota: number,
  now: number,
): Promise<Inserted | undefined> {
  const pointer = { taskId, start };
  await documents.write(pointerKey({ resumeKey }), pointer);
  if (idempotencyKey !== undefined) {
    const by = await takePlace(documents, { idempotencyKey, owner }, pointer, now);
    if (by !== undefined) return { taken: 'idempotencyKey', by };
  }
  if (slot !== undefined) {
    const by = await takePlace(documents, { slot, owner }, pointer, now);
    if (by !== undefined) return { taken: 'slot', by };
  }
  return (await takeQuota(documents, owner, pointer, quota, now)) ? undefined : { taken: 'quota' };
}

/**
 * Frees the places that a task has taken, unless somebody else has them by now. Call it before the task itself goes, which
 * alone says what they are called; of a task that is being created, it frees what that attempt has taken.
 * @param isGone nothing is left of the task, so that its resume key leads nowhere
 */
export async function leavePlaces(documents: Documents, task: TaskDocument, isGone: boolean): Promise<void> {
  const { taskId, owner, resumeKey, start } = task;
  const isOwn = (pointer: Pointer): boolean =>
    pointer.taskId === taskId && (start === undefined || pointer.start === start);
  for (const key of [...placesOf(task), ...(isGone ? [pointerKey({ resumeKey })] : [])])
    await documents.replace<Pointer>(key, (pointer) => (pointer && !isOwn(pointer) ? pointer : undefined));
  await documents.replace<Pointer[]>(quotaKey(owner), (places = []) => {
    const others = places.filter((place) => !isOwn(place));
    return others.length > 0 ? others : undefined;
  });
}

/** Takes the place that `ref` names, unless a task has it: then it answers that one. */
async function takePlace(
  documents: Documents,
  ref: Place,
  pointer: Pointer,
  now: number,
): Promise<TaskDocument | undefined> {
  return documents.update<Pointer, TaskDocument | undefined>(pointerKey(ref), async (current) => {
    if (current === undefined || current.taskId === pointer.taskId) return { answer: undefined, value: pointer };
    const key = taskKey(current.taskId);
    let task = await documents.read<TaskDocument>(key);
    while (task?.start !== undefined) {
      await removeBegun(documents, task);
      task = await documents.read<TaskDocument>(key);
    }
    const isTaken = task !== undefined && leadsTo(ref, task, now);
    return isTaken ? { answer: task } : { answer: undefined, value: pointer };
  });
}

/**
 * Removes a task that somebody else has begun to create. It waits for a random number of turns first, so that two who
 * remove each other's tasks do not do so for ever.
 */
async function removeBegun(documents: Documents, { taskId, start }: TaskDocument): Promise<void> {
  for (let turns = Math.ceil(8 * Math.random()); turns > 0; turns--)
    await new Promise((resolve) => setImmediate(resolve));
  await documents.replace<TaskDocument>(taskKey(taskId), (current) => (current?.start === start ? undefined : current));
}

async function takeQuota(
  documents: Documents,
  owner: string | undefined,
  pointer: Pointer,
  quota: number,
  now: number,
): Promise<boolean> {
  if (quota === Infinity) return true;
  return documents.update<Pointer[], boolean>(quotaKey(owner), async (places = []) => {
    const others: Pointer[] = [];
    for (const place of places) {
      const task =
        place.taskId === pointer.taskId ? undefined : await documents.read<TaskDocument>(taskKey(place.taskId));
      if (task?.status === 'running' && !isAbandoned(task, now)) others.push(place);
    }
    const fits = others.length < quota;
    return { answer: fits, value: fits ? [...others, pointer] : others };
  });
}
