/** Implements the driver port on top of a table of tasks. */
import { assertOption } from '../core/check-options.js';
import { unavailable } from '../core/errors.js';
import type { Notifications, NotificationListener } from '../distributed/port/notifications.js';
import type { Batch, Claim, Fate } from '../distributed/port/calls.js';
import type { DriverSettings, TaskDriver } from '../distributed/port/driver.js';
import type { InstanceState } from '../distributed/port/stored.js';
import { forgetAudience, readAudience, readDeparture, report } from './audience.js';
import { Documents, type KeyValue } from './documents.js';
import { KeptTasks } from './kept-tasks.js';
import { PolledNotifications, type Polling } from './polled-notifications.js';
import { DocumentSignals, type Signals } from './signals.js';
import { isKept, type KeptTask, type TaskTable } from './task-table.js';
import * as transitions from './transitions.js';
import { shown } from './transitions.js';

/** The parts of a driver that are a database's own. */
export interface TableParts {
  /** The tasks and their logs. */
  readonly table: TaskTable;
  /** Keeps what is asked for seldom: instances, subscribers and notes. */
  readonly documents: KeyValue;
  /** Hears what others write, where the database knows a better way than to look. */
  readonly signals?: Signals | undefined;
  /** The pauses between two looks for what others write. */
  readonly polling: Polling;
}

/** The number of tasks that are forgotten before the store is asked for more. */
const FORGET_PAGE = 20;
const INSTANCES = 'instance/';

interface Opened {
  readonly tasks: KeptTasks;
  readonly documents: Documents;
  readonly signals: Signals;
  readonly polling: Polling;
}

/** A driver over a table of tasks: reads, applies the transitions, and asks the indexes. */
export class TableDriver implements TaskDriver {
  #opened: Opened | undefined;
  #notifications: PolledNotifications | undefined;

  /** @param openParts called once, with the settings of the store */
  constructor(readonly openParts: (settings: DriverSettings) => TableParts) {}

  open(settings: DriverSettings): void {
    assertOption(
      this.#opened === undefined,
      'driver',
      'a driver of its own for each store',
      'one that is open already',
    );
    const { table, polling, ...parts } = this.openParts(settings);
    const tasks = new KeptTasks(table, settings);
    const documents = new Documents(parts.documents);
    const { signals = new DocumentSignals(tasks, documents) } = parts;
    this.#opened = { tasks, documents, signals, polling };
  }

  create: TaskDriver['create'] = async (draft, holder, given) => {
    const { settings, now } = this.#tasks;
    const quota = given ?? settings.maxTasksPerOwner;
    const answer = await this.#written(this.#table.insert(transitions.create(draft, holder), quota, now));
    if ('inserted' in answer) return { created: shown(answer.inserted) };
    return answer.by === undefined ? { taken: answer.taken } : { taken: answer.taken, by: shown(answer.by) };
  };

  read: TaskDriver['read'] = async (ref, wanted) => {
    const { now } = this.#tasks;
    const task = await this.#table.find(ref, now, wanted);
    if (task === undefined || isKept(task, now)) return task && shown(task, wanted);
    const isOver = task.isForgotten === true && (task.expires ?? 0) <= now;
    return isOver ? undefined : { status: 'expired', owner: task.owner };
  };

  look: TaskDriver['look'] = async (taskIds) => {
    const tasks = await Promise.all(taskIds.map((taskId) => this.#tasks.find(taskId)));
    return tasks.map((task) => task && shown(task));
  };

  append(batches: readonly Batch[]): readonly Promise<Fate>[] {
    return batches.map((batch) => this.#append(batch));
  }

  readAfter: TaskDriver['readAfter'] = async (taskId, { token, seq }, limit) => {
    const task = await this.#tasks.find(taskId);
    return task === undefined ? [] : this.#table.readAfter(taskId, { token, seq, bytes: 0 }, limit);
  };

  claim: TaskDriver['claim'] = async (claim) =>
    this.#change(claim.taskId, { lost: 'gone' }, (task, moment) => transitions.claim(task, claim, moment), {
      input: true,
      progress: true,
    });

  orphan: TaskDriver['orphan'] = async (taskId, expected: Claim['expected'], delayMs, losses) =>
    this.#change(taskId, false, (task, moment) => transitions.orphan(task, expected, { delayMs, losses }, moment));

  remove: TaskDriver['remove'] = async (taskId) => {
    if (await this.#change(taskId, false, transitions.remove)) await forgetAudience(this.#open.documents, taskId);
  };

  requestCancel: TaskDriver['requestCancel'] = async (taskId, reason) =>
    this.#change(taskId, undefined, (task) => transitions.requestCancel(task, reason));

  reportAudience: TaskDriver['reportAudience'] = async (reports) => {
    for (const each of reports)
      if ((await this.#tasks.find(each.taskId)) !== undefined) await this.#written(report(this.#open.documents, each));
  };

  readAudience: TaskDriver['readAudience'] = async (taskIds) =>
    Promise.all(
      taskIds.map(async (taskId) =>
        (await this.#tasks.find(taskId)) === undefined ? [] : readAudience(this.#open.documents, taskId),
      ),
    );

  readDeparture: TaskDriver['readDeparture'] = async (taskId, name) =>
    (await this.#tasks.find(taskId)) === undefined
      ? { attachedTo: [], position: undefined }
      : readDeparture(this.#open.documents, taskId, name);

  beat: TaskDriver['beat'] = async (beat) => {
    const key = `${INSTANCES}${beat.instance}`;
    const counted = (before?: InstanceState): InstanceState => ({ ...beat, count: (before?.count ?? 0) + 1 });
    await this.#written(this.#open.documents.replace<InstanceState>(key, counted));
    const states: InstanceState[] = [];
    for await (const [, state] of this.#open.documents.scan<InstanceState>(INSTANCES)) states.push(state);
    if (this.#notifications !== undefined) this.#notifications.isAlone = states.length === 1;
    return states;
  };

  removeInstance: TaskDriver['removeInstance'] = async (instance, count) =>
    this.#open.documents.replace<InstanceState>(`${INSTANCES}${instance}`, (state) =>
      count === undefined || state?.count === count ? undefined : state,
    );

  held: TaskDriver['held'] = async (instance, after = '', limit) =>
    idsOf(await this.#tasks.select({ keeper: instance, after }, limit));

  divide: TaskDriver['divide'] = async (from, to, limit) => {
    const moved: string[] = [];
    let page: readonly string[] | undefined;
    while (moved.length < limit && page?.length !== 0) {
      page = await this.held(from, page?.at(-1), limit - moved.length);
      for (const taskId of page)
        if (await this.#change(taskId, false, (task) => transitions.divide(task, from, to))) moved.push(taskId);
    }
    return moved;
  };

  reindex: TaskDriver['reindex'] = async (instance, taskIds) => {
    for (const taskId of taskIds) await this.#change(taskId, undefined, (task) => transitions.reindex(task, instance));
  };

  orphans: TaskDriver['orphans'] = async (orphans, limit) =>
    idsOf(await this.#tasks.select({ orphans, now: this.#tasks.now }, limit));

  isDue: TaskDriver['isDue'] = async (taskId) => {
    const { orphan } = (await this.#tasks.find(taskId)) ?? {};
    return orphan !== undefined && orphan.dueMs <= this.#tasks.now;
  };

  list: TaskDriver['list'] = async ({ limit, ...list }) =>
    (await this.#tasks.select({ list, now: this.#tasks.now }, limit)).map((task) => shown(task));

  async expire(limit: number): Promise<{ gone: readonly string[]; left: number }> {
    const gone: string[] = [];
    let due: readonly KeptTask[] | undefined;
    while (gone.length < limit && due?.length !== 0) {
      due = await this.#tasks.select({ dueBy: this.#tasks.now }, Math.min(FORGET_PAGE, limit - gone.length));
      for (const { taskId } of due) if (await this.#forget(taskId)) gone.push(taskId);
    }
    await this.#table.tidy?.(this.#tasks.now);
    return { gone, left: (await this.#tasks.select({ dueBy: Infinity }, 1)).length };
  }

  walk: TaskDriver['walk'] = async (cursor = '', limit) => {
    const page = await this.#table.walk(cursor, limit);
    const { now } = this.#tasks;
    const tasks = page.filter((task) => isKept(task, now)).map((task) => shown(task));
    return { tasks, next: page.length < limit ? undefined : page.at(-1)?.taskId };
  };

  notify: TaskDriver['notify'] = async (to, note) => this.#written(this.#open.signals.notify(to, note));

  listen(listener: NotificationListener): Notifications {
    const { tasks, signals } = this.#open;
    return (this.#notifications = new PolledNotifications(signals, tasks.settings.clock, this.#open.polling, listener));
  }

  close(): Promise<void> {
    this.#notifications?.close();
    return Promise.resolve();
  }

  async #append(batch: Batch): Promise<Fate> {
    const { taskId, trim } = batch;
    const { tasks } = this.#open;
    try {
      const fate = await this.#change<Fate>(taskId, { kind: 'gone' }, (task, moment) =>
        transitions.append(task, batch, moment),
      );
      if (!trim || fate.kind !== 'committed') return fate;
      // The new entries are in the log, even where the old ones could not be dropped.
      return { kind: 'committed', dropped: await tasks.trim(taskId).catch(() => undefined) };
    } catch (cause) {
      const refusal = this.#table.refusal?.(cause);
      if (refusal === undefined) return { kind: 'unknown', cause };
      return { kind: 'refused', passing: refusal === 'passing', cause };
    }
  }

  async #forget(taskId: string): Promise<boolean> {
    const { tasks, signals, documents } = this.#open;
    await forgetAudience(documents, taskId); // before the task, which leads here again where this process dies in between
    const isGone = await this.#table.change(taskId, (task) =>
      task === undefined ? { answer: false } : transitions.forget(task, tasks.moment),
    );
    if (isGone) await this.#written(signals.notify(undefined, { kind: 'gone', taskId }));
    return isGone;
  }

  readonly #change: KeptTasks['change'] = (...args) => this.#written(this.#tasks.change(...args));

  async #written<T>(call: Promise<T>): Promise<T> {
    const answer = await call;
    this.#notifications?.wake();
    return answer;
  }

  get #tasks(): KeptTasks {
    return this.#open.tasks;
  }

  get #table(): TaskTable {
    return this.#tasks.table;
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw unavailable('The driver has not been opened: call open first');
    return this.#opened;
  }
}

const idsOf = (tasks: readonly KeptTask[]): string[] => tasks.map(({ taskId }) => taskId);
