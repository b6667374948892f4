import {
  assertOption,
  checkOptions,
  required,
  wholeNumber,
  withMethods,
  type OptionRules,
} from '../core/check-options.js';
import { TaskError } from '../core/errors.js';
import type { Bell, Ears } from '../distributed/port/bell.js';
import type { DriverSettings, TaskDriver } from '../distributed/port/driver.js';
import type { InstanceState } from '../distributed/port/stored.js';
import { readAudience, readDeparture, report } from './audience.js';
import { create } from './creation.js';
import type { KeyValue } from './key-value.js';
import { deleteNotes, leaveNote, PolledBell } from './polled-bell.js';
import { expire } from './retention.js';
import { shown, type TaskDocument } from './task-document.js';
import { append, claim, readAfter } from './task-log.js';
import { TaskShelf } from './task-shelf.js';

/** Options of `createKeyValueDriver`. */
export interface KeyValueDriverOptions {
  /** The database that keeps the tasks. It stays the caller's: close it after `tasks.stop()`. */
  keyValue: KeyValue;
  /** The pause between two looks for what other instances have written, in ms, from 1 to 60_000. Default 100. */
  pollMs?: number;
}

const RULES: OptionRules<KeyValueDriverOptions> = {
  keyValue: required(withMethods('an object with get, swap and list', ['get', 'swap', 'list'])),
  pollMs: wholeNumber([100, 1, 60_000]),
};

/**
 * Makes a driver of a key-value store, which needs three methods: the shortest way to keep tasks in a database of your own.
 * It has no indexes, so whatever looks for tasks other than by their ids looks through all of them: take it for some
 * thousands of tasks, and write a `TaskDriver` for more.
 * @throws TaskError `INVALID_OPTION`
 * @example
 * const store = createTaskStore(createKeyValueDriver({ keyValue }));
 */
export function createKeyValueDriver(options: KeyValueDriverOptions): TaskDriver {
  checkOptions('createKeyValueDriver', options, RULES);
  return new KeyValueDriver(options.keyValue, options.pollMs ?? 100);
}

const INSTANCES = 'instance/';

class KeyValueDriver implements TaskDriver {
  #shelf: TaskShelf | undefined;
  #bell: Bell | undefined;

  constructor(
    readonly keyValue: KeyValue,
    readonly pollMs: number,
  ) {}

  open(settings: DriverSettings): void {
    assertOption(this.#shelf === undefined, 'driver', 'a driver of its own for each store', 'one that is open already');
    this.#shelf = new TaskShelf(this.keyValue, settings);
  }

  create: TaskDriver['create'] = async (...args) => create(this.shelf, ...args);
  claim: TaskDriver['claim'] = async (claimed) => claim(this.shelf, claimed);
  readAfter: TaskDriver['readAfter'] = async (...args) => readAfter(this.shelf, ...args);
  readDeparture: TaskDriver['readDeparture'] = async (...args) => readDeparture(this.shelf, ...args);
  expire: TaskDriver['expire'] = async (limit) => expire(this.shelf, limit);
  ring: TaskDriver['ring'] = async (to, note) => leaveNote(this.shelf, to, note);

  read: TaskDriver['read'] = async (ref, wanted) => {
    const task = await this.shelf.find(ref);
    return task === undefined ? this.shelf.findTombstone(ref) : shown(task, wanted);
  };

  look: TaskDriver['look'] = async (taskIds) =>
    Promise.all(
      taskIds.map(async (taskId) => {
        const task = await this.shelf.find({ taskId });
        return task && shown(task);
      }),
    );

  append: TaskDriver['append'] = (batches) => batches.map(async (batch) => append(this.shelf, batch));

  orphan: TaskDriver['orphan'] = async (taskId, expected, delayMs) =>
    this.shelf.update(taskId, false, (task) => {
      if (task.status !== 'running' || task.token !== expected.token) return { answer: false };
      if (task.holder === undefined) return { answer: true };
      if (task.holder !== expected.holder) return { answer: false };
      const sinceMs = this.shelf.now;
      const orphan = { sinceMs, dueMs: sinceMs + delayMs };
      return { answer: true, value: { ...task, holder: undefined, keeper: undefined, orphan } };
    });

  remove: TaskDriver['remove'] = async (taskId) =>
    this.shelf.replace(taskId, (task) =>
      task.status === 'running' && task.token === 1 && task.top.token === 0 ? undefined : task,
    );

  requestCancel: TaskDriver['requestCancel'] = async (taskId, reason) =>
    this.shelf.update<ReturnType<typeof shown> | undefined>(taskId, undefined, (task) => {
      if (task.status !== 'running') return { answer: undefined };
      const value = { ...task, cancel: task.cancel ?? reason };
      return { answer: shown(value), value };
    });

  reportAudience: TaskDriver['reportAudience'] = async (reports) => {
    for (const each of reports) await report(this.shelf, each);
  };

  readAudience: TaskDriver['readAudience'] = async (taskIds) =>
    Promise.all(taskIds.map((taskId) => readAudience(this.shelf, taskId)));

  beat: TaskDriver['beat'] = async (beat) => {
    const { documents } = this.shelf;
    await documents.replace<InstanceState>(`${INSTANCES}${beat.instance}`, (before) => ({
      ...beat,
      count: (before?.count ?? 0) + 1,
    }));
    await deleteNotes(this.shelf);
    const states: InstanceState[] = [];
    for await (const [, state] of documents.scan<InstanceState>(INSTANCES)) states.push(state);
    return states;
  };

  removeInstance: TaskDriver['removeInstance'] = async (instance, count) =>
    this.shelf.documents.replace<InstanceState>(`${INSTANCES}${instance}`, (state) =>
      count === undefined || state?.count === count ? undefined : state,
    );

  held: TaskDriver['held'] = async (instance, after, limit) =>
    idsOf(await this.shelf.filter(({ keeper }) => keeper === instance, limit, after));

  divide: TaskDriver['divide'] = async (from, to, limit) => {
    const moved: string[] = [];
    for await (const { taskId, keeper } of this.shelf.walk()) {
      if (moved.length >= limit) break;
      if (keeper !== from) continue;
      const isMoved = await this.shelf.update(taskId, false, (task) =>
        task.keeper === from ? { answer: true, value: { ...task, keeper: to } } : { answer: false },
      );
      if (isMoved) moved.push(taskId);
    }
    return moved;
  };

  reindex: TaskDriver['reindex'] = async (_instance, taskIds) => {
    for (const taskId of taskIds)
      await this.shelf.replace(taskId, (task) => ({
        ...task,
        keeper: task.status === 'running' ? task.holder : undefined,
      }));
  };

  orphans: TaskDriver['orphans'] = async (query, limit) => {
    const { now } = this.shelf;
    const found = await this.shelf.filter(({ orphan, handler }) => {
      if (orphan === undefined) return false;
      if ('olderThanMs' in query) return now - orphan.sinceMs >= query.olderThanMs;
      return orphan.dueMs <= now && query.handlers.includes(handler ?? '');
    });
    const age = ({ orphan }: TaskDocument): number => orphan?.sinceMs ?? 0;
    return idsOf(found.sort((a, b) => age(a) - age(b)).slice(0, limit));
  };

  list: TaskDriver['list'] = async ({ of, status, limit, before }) => {
    const found = await this.shelf.filter(
      (task) =>
        (of === undefined || task.owner === of.owner) &&
        (status === undefined || task.status === status) &&
        (before === undefined || task.taskId < before),
    );
    return found
      .reverse()
      .slice(0, limit)
      .map((task) => shown(task));
  };

  walk: TaskDriver['walk'] = async (cursor, limit) => {
    const found = await this.shelf.filter(() => true, limit + 1, cursor);
    const page = found.slice(0, limit);
    return { tasks: page.map((task) => shown(task)), next: found.length > limit ? page.at(-1)?.taskId : undefined };
  };

  listen(ears: Ears): Bell {
    return (this.#bell = new PolledBell(this.shelf, ears, this.pollMs));
  }

  close(): Promise<void> {
    this.#bell?.close();
    return Promise.resolve();
  }

  get shelf(): TaskShelf {
    if (this.#shelf === undefined) throw new TaskError('STORE_UNAVAILABLE', 'The driver has not been opened');
    return this.#shelf;
  }
}

const idsOf = (tasks: readonly TaskDocument[]): string[] => tasks.map(({ taskId }) => taskId);
