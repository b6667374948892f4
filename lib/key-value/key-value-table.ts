/** Implements the table of tasks on a key-value store. */
import type { Ref } from '../distributed/port/calls.js';
import { comparePlaces } from '../distributed/port/entry.js';
import type { Entry, Place } from '../distributed/port/stored.js';
import { Documents, type KeyValue } from '../tables/documents.js';
import { leadsTo, type Change, type Inserted, type KeptTask, type TaskTable } from '../tables/task-table.js';
import { insert, isAbandoned, leavePlaces } from './creation.js';
import { entriesPrefix, entryKey, pointerKey, taskKey, TASKS } from './task-document.js';
import type { Pointer, TaskDocument } from './task-document.js';

/** A table of tasks in a key-value store: one document for each task, and one for each entry of its log but the last. */
export class KeyValueTable implements TaskTable {
  readonly #documents: Documents;

  constructor(keyValue: KeyValue) {
    this.#documents = new Documents(keyValue);
  }

  async find(ref: Ref, now: number): Promise<KeptTask | undefined> {
    const task = await this.#read(await this.#idOf(ref));
    return task !== undefined && task.start === undefined && leadsTo(ref, task, now) ? task : undefined;
  }

  async insert(task: KeptTask, quota: number, now: number): Promise<Inserted> {
    return insert(this.#documents, task, quota, now);
  }

  async change<T>(taskId: string, change: (task: KeptTask | undefined) => Change<T>): Promise<T> {
    let before: TaskDocument | undefined;
    const changed = await this.#documents.update<TaskDocument, Change<T>>(taskKey(taskId), async (current) => {
      before = current?.start === undefined ? current : undefined;
      const answer = change(before);
      if (before === undefined || !('task' in answer)) return { answer };
      if (answer.task === undefined) {
        await this.#clear(before);
        return { answer, value: undefined };
      }
      // A forgotten task does not say any more what its places are called.
      if (answer.task.isForgotten) await leavePlaces(this.#documents, before, false);
      if (answer.entries !== undefined) await this.#moveTail(before);
      const tail = answer.entries ?? before.tail.filter(({ place }) => isAbove(place, answer.drop));
      return { answer, value: { ...before, ...answer.task, tail } };
    });
    if (changed.drop !== undefined) await this.#deleteEntries(taskId, changed.drop);
    return changed.answer;
  }

  async readAfter(taskId: string, after: Place, limit: number): Promise<readonly Entry[]> {
    const task = await this.#read(taskId);
    if (task === undefined) return [];
    const found: Entry[] = [];
    let last = comparePlaces(after, task.dropped) > 0 ? after : task.dropped;
    const moved = this.#documents.scan<Entry>(entriesPrefix(taskId), entryKey(taskId, last));
    for await (const [, entry] of moved) {
      if (found.length >= limit) return found;
      found.push(entry);
      last = entry.place;
    }
    found.push(...task.tail.filter(({ place }) => isAbove(place, last)));
    return found.slice(0, limit);
  }

  async walk(after: string, limit: number): Promise<readonly KeptTask[]> {
    const found: KeptTask[] = [];
    for await (const [, task] of this.#documents.scan<TaskDocument>(TASKS, taskKey(after))) {
      if (found.length >= limit) break;
      if (task.start === undefined) found.push(task);
    }
    return found;
  }

  /** Deletes tasks that were never finished because whoever was creating them is gone. */
  async tidy(now: number): Promise<void> {
    for await (const [key, task] of this.#documents.scan<TaskDocument>(TASKS)) {
      if (!isAbandoned(task, now)) continue;
      await this.#clear(task);
      await this.#documents.replace<TaskDocument>(key, (current) =>
        current?.start === task.start ? undefined : current,
      );
    }
  }

  /** Deletes all that belongs to a task. The task itself goes last, so that another call finds what one has left. */
  async #clear(task: TaskDocument): Promise<void> {
    await this.#deleteEntries(task.taskId);
    await leavePlaces(this.#documents, task, true);
  }

  /** Gives each entry of the last change a key of its own. */
  async #moveTail({ taskId, tail }: TaskDocument): Promise<void> {
    for (const entry of tail) await this.#documents.write(entryKey(taskId, entry.place), entry);
  }

  async #deleteEntries(taskId: string, upTo?: Place): Promise<void> {
    for await (const [key, { place }] of this.#documents.scan<Entry>(entriesPrefix(taskId))) {
      if (upTo !== undefined && isAbove(place, upTo)) return;
      await this.#documents.delete(key);
    }
  }

  async #read(taskId: string | undefined): Promise<TaskDocument | undefined> {
    return taskId === undefined ? undefined : this.#documents.read<TaskDocument>(taskKey(taskId));
  }

  async #idOf(ref: Ref): Promise<string | undefined> {
    return 'taskId' in ref ? ref.taskId : (await this.#documents.read<Pointer>(pointerKey(ref)))?.taskId;
  }
}

const isAbove = (place: Place, other: Place | undefined): boolean =>
  other === undefined || comparePlaces(place, other) > 0;
