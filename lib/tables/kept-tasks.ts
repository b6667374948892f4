/** Finds, changes and trims the tasks of a table whose retention is not over. */
import type { Wanted } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { isExcess } from '../distributed/port/entry.js';
import type { Place } from '../distributed/port/stored.js';
import { selectByWalk } from './queries.js';
import { isKept, type Change, type KeptTask, type TaskQuery, type TaskTable } from './task-table.js';
import { drop, type Moment } from './transitions.js';

/** The number of entries that are looked at together when a log is trimmed. */
const TRIM_PAGE = 32;

/** The tasks of a table whose retention is not over: found, asked for, changed and trimmed. */
export class KeptTasks {
  readonly #startedAtMs: number;

  constructor(
    readonly table: TaskTable,
    readonly settings: DriverSettings,
  ) {
    this.#startedAtMs = settings.clock.wallNow() - settings.clock.now();
  }

  /** The wall clock at the start plus the monotonic time since, in whole ms since 1970. */
  get now(): number {
    return Math.trunc(this.#startedAtMs + this.settings.clock.now());
  }

  get moment(): Moment {
    return { settings: this.settings, now: this.now };
  }

  async find(taskId: string): Promise<KeptTask | undefined> {
    const { now } = this;
    const task = await this.table.find({ taskId }, now);
    return task !== undefined && isKept(task, now) ? task : undefined;
  }

  select(query: TaskQuery, limit: number): Promise<readonly KeptTask[]> {
    return this.table.select?.(query, limit) ?? selectByWalk(this.table, query, limit);
  }

  /** Changes a task; `missing` is the answer where there is none. */
  change<T>(
    taskId: string,
    missing: T,
    change: (task: KeptTask, moment: Moment) => Change<T>,
    wanted?: Wanted,
  ): Promise<T> {
    const decide = (task: KeptTask | undefined): Change<T> => {
      const { moment } = this;
      return task === undefined || !isKept(task, moment.now) ? { answer: missing } : change(task, moment);
    };
    return this.table.change(taskId, decide, wanted);
  }

  /** Drops the oldest entries of a log. Returns the end of the last one that it dropped. */
  async trim(taskId: string): Promise<Place | undefined> {
    const task = await this.find(taskId);
    const last = task && (await this.#lastExcess(task));
    return last && this.change<Place | undefined>(taskId, undefined, (each) => drop(each, last));
  }

  async #lastExcess({ taskId, top, dropped }: KeptTask): Promise<Place | undefined> {
    let last: Place | undefined;
    for (;;) {
      const page = await this.table.readAfter(taskId, last ?? dropped, TRIM_PAGE, true);
      for (const entry of page) {
        if (!isExcess(entry, top, this.settings.limits)) return last;
        last = entry.place;
      }
      if (page.length < TRIM_PAGE) return last;
    }
  }
}
