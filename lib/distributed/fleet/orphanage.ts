/** Finds lost tasks that wait for an instance, and offers them to this one. */
import type { Takeover } from '../../core/ports.js';
import { ignore } from '../../core/optional-promise.js';
import type { Context } from '../context.js';
import type { Claims } from './claims.js';
import type { Liveness } from './liveness.js';
import type { OwnedTasks } from '../writing/owned-tasks.js';
import { readSnapshotPast } from '../copies/snapshot-past.js';
import type { Recovery } from './recovery.js';
import { toRecord } from '../records.js';
import type { StoredTask } from '../port/stored.js';
import type { TaskReader } from '../task-reader.js';

/** Orphans are looked for so often, in ms, where no notification comes. */
const LOOK_MS = 1_000;
/** The number of orphans that are looked at in one call. */
const PAGE = 100;
/** The number of overdue orphans that one sweep ends at most. */
const MAX_EXPIRED = 10_000;
/** An orphan that could not be run is left alone for so long, in ms: others wait behind it. */
const SKIPPED_MS = 10_000;

/** The parts of an instance that orphans are run again with. */
export interface OrphanParts {
  readonly liveness: Liveness;
  readonly claims: Claims;
  readonly owned: OwnedTasks;
  readonly reader: TaskReader;
  readonly recovery: Recovery;
}

/** Runs tasks again that no instance holds, and ends those that nobody runs in time. */
export class Orphanage {
  #lookedMs = -Infinity;
  #looking = false;
  /** Orphans that could not be run, as those of a newer version. */
  readonly #skipped = new Set<string>();
  #skippedMs = -Infinity;

  constructor(
    readonly context: Context,
    readonly parts: OrphanParts,
  ) {}

  /** Looks for orphans that the handlers of this instance can run, where that is due. */
  async look(isRung: boolean): Promise<void> {
    const { driver, settings } = this.context;
    const { orphanRunner, onLost, clock } = settings;
    const now = clock.now();
    if (onLost !== 'restart' || this.#looking || (!isRung && now - this.#lookedMs < LOOK_MS)) return;
    if (orphanRunner.handlers.length === 0 || orphanRunner.room <= 0) return;
    this.#lookedMs = now;
    this.#looking = true;
    if (now - this.#skippedMs >= SKIPPED_MS) {
      this.#skippedMs = now;
      this.#skipped.clear();
    }
    try {
      const { handlers } = orphanRunner;
      const count = Math.min(PAGE, orphanRunner.room);
      const taskIds = await driver.orphans({ handlers }, count + this.#skipped.size);
      const some = taskIds.filter((taskId) => !this.#skipped.has(taskId)).slice(0, count);
      await Promise.all(some.map((taskId) => this.#run(taskId).catch(() => this.#skipped.add(taskId))));
    } finally {
      this.#looking = false;
    }
  }

  /**
   * Ends orphans that nobody has run in time, a page after the other. One that cannot be ended, as that of a newer version,
   * holds up nothing else: it is asked for again with what comes after it, and is tried once.
   */
  async expire(): Promise<void> {
    const { driver, settings } = this.context;
    const tried = new Set<string>();
    while (tried.size < MAX_EXPIRED) {
      const overdue = await driver.orphans({ olderThanMs: settings.orphanDeadlineMs }, PAGE + tried.size);
      const taskIds = overdue.filter((taskId) => !tried.has(taskId));
      if (taskIds.length === 0) return;
      for (const taskId of taskIds) tried.add(taskId);
      await Promise.all(taskIds.map((taskId) => this.#expire(taskId).catch(ignore)));
    }
  }

  async #expire(taskId: string): Promise<void> {
    const task = await this.parts.reader.readTask({ taskId });
    if (task?.status === 'running' && task.holder === undefined) {
      await this.parts.recovery.lose(task, 'No instance could run the task again');
    } else await this.context.driver.reindex(this.context.instance, [taskId]);
  }

  /** Takes over a task that nobody runs; `laterMs` where it is too early for that, undefined where somebody does. */
  async claim(taskId: string, folds: boolean): Promise<Takeover | { readonly laterMs: number } | undefined> {
    const { liveness, owned, reader, recovery } = this.parts;
    const task = await reader.readTask({ taskId });
    if (task === undefined || !reader.isOrphaned(task)) return undefined;
    if (task.holder !== undefined) {
      const laterMs = await recovery.settle(taskId);
      return laterMs === Infinity ? undefined : { laterMs };
    }
    if (task.handler === undefined) return undefined;
    if (!(await this.context.driver.isDue(taskId, task.handler))) return { laterMs: LOOK_MS };
    await liveness.ready();
    return owned.whileExpected(taskId, () => this.#claim(task, folds));
  }

  async #claim(task: StoredTask, folds: boolean): Promise<Takeover | undefined> {
    const { claims, owned } = this.parts;
    const claimed = await claims.take(task, task.attempt + 1);
    if ('lost' in claimed) return undefined;
    const { won } = claimed;
    const past = folds ? await readSnapshotPast(this.context, won).catch(ignore) : undefined;
    const writer = owned.own(won, toRecord(won, false, 0));
    return { writer, past: past ?? undefined, input: won.input };
  }

  async #run(taskId: string): Promise<void> {
    const { reader } = this.parts;
    const task = await reader.readTask({ taskId });
    if (task?.status !== 'running' || task.holder !== undefined) {
      await this.context.driver.reindex(this.context.instance, [taskId]);
      return;
    }
    await this.context.settings.orphanRunner.run(reader.toRecord(task));
  }
}
