import { randomUUID } from 'node:crypto';
import type { Created, Ref } from '../distributed/port/calls.js';
import type { Draft } from '../distributed/port/stored.js';
import { documentOf, leadsTo, pointerKey, quotaKey, shown, taskKey, type TaskDocument } from './task-document.js';
import type { Pointer, TaskShelf } from './task-shelf.js';

/** A name that only one task may have at a time. */
type Place = Exclude<Ref, { readonly taskId: string } | { readonly resumeKey: string }>;

/**
 * Creates a task together with the places that it takes: its idempotency key, its slot, its place in the quota. Several keys
 * cannot be written in one step, so the task is written first, as one that nobody can see; then the places are taken by
 * name; then it is made visible, in one step. Whoever finds a place taken by a task that is not visible yet removes that
 * task and takes the place: so of two exactly one becomes visible, and nothing is left where a process dies in between.
 */
export async function create(
  shelf: TaskShelf,
  draft: Draft,
  holder: string,
  quota = shelf.settings.maxTasksPerOwner,
): Promise<Created> {
  const { documents } = shelf;
  const { taskId } = draft;
  for (;;) {
    const start = randomUUID();
    const begun = documentOf(draft, holder, start, shelf.now);
    const existing = await documents.update<TaskDocument, TaskDocument | undefined>(taskKey(taskId), (current) =>
      current === undefined || current.start !== undefined ? { answer: undefined, value: begun } : { answer: current },
    );
    if (existing !== undefined) return { created: shown(existing) };
    const obstacle = await takePlaces(shelf, draft, { taskId, start }, quota);
    const created: TaskDocument = { ...begun, start: undefined };
    const isStill = await documents.update<TaskDocument, boolean>(taskKey(taskId), (current) => {
      if (current?.start !== start) return { answer: false };
      return { answer: true, value: obstacle === undefined ? created : undefined };
    });
    if (obstacle !== undefined) return obstacle;
    if (isStill) return { created: shown(created) };
  }
}

async function takePlaces(
  shelf: TaskShelf,
  draft: Draft,
  pointer: Pointer,
  quota: number,
): Promise<Created | undefined> {
  const { owner, resumeKey, idempotencyKey, slot } = draft;
  await shelf.documents.write(pointerKey({ resumeKey }), pointer);
  if (idempotencyKey !== undefined) {
    const by = await takePlace(shelf, { idempotencyKey, owner }, pointer);
    if (by !== undefined) return { taken: 'idempotencyKey', by: shown(by) };
  }
  if (slot !== undefined) {
    const by = await takePlace(shelf, { slot, owner }, pointer);
    if (by !== undefined) return { taken: 'slot', by: shown(by) };
  }
  return (await takeQuota(shelf, owner, pointer, quota)) ? undefined : { taken: 'quota' };
}

/** Takes the place that `ref` names, unless a task has it: then it answers that one. */
async function takePlace(shelf: TaskShelf, ref: Place, pointer: Pointer): Promise<TaskDocument | undefined> {
  const key = pointerKey(ref);
  const { documents } = shelf;
  const { keyValue } = documents;
  for (;;) {
    const text = await keyValue.get(key);
    const current = text === undefined ? undefined : (JSON.parse(text) as Pointer);
    if (current !== undefined && current.taskId !== pointer.taskId) {
      const task = await documents.read<TaskDocument>(taskKey(current.taskId));
      if (task?.start !== undefined) {
        await removeBegun(shelf, task);
        continue;
      }
      if (task !== undefined && shelf.isKept(task) && leadsTo(ref, task)) return task;
    }
    if (await keyValue.swap(key, text, JSON.stringify(pointer))) return undefined;
  }
}

/** Some turns of the event loop, so that those who remove each other's beginnings do not do so for ever. */
async function removeBegun({ documents }: TaskShelf, { taskId, start }: TaskDocument): Promise<void> {
  for (let turns = Math.ceil(8 * Math.random()); turns > 0; turns--)
    await new Promise((resolve) => setImmediate(resolve));
  await documents.replace<TaskDocument>(taskKey(taskId), (current) => (current?.start === start ? undefined : current));
}

async function takeQuota(
  shelf: TaskShelf,
  owner: string | undefined,
  pointer: Pointer,
  quota: number,
): Promise<boolean> {
  const { documents } = shelf;
  if (quota === Infinity) return true;
  return documents.update<Pointer[], boolean>(quotaKey(owner), async (places = []) => {
    const others: Pointer[] = [];
    for (const place of places) {
      const task =
        place.taskId === pointer.taskId ? undefined : await documents.read<TaskDocument>(taskKey(place.taskId));
      if (task?.status === 'running' && !shelf.isAbandoned(task)) others.push(place);
    }
    const fits = others.length < quota;
    return { answer: fits, value: fits ? [...others, pointer] : others };
  });
}
