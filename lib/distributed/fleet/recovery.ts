/** Recovers the tasks of dead instances: ends them, or has them run again. */
import { AtMost } from '../../core/at-most.js';
import { askAbout } from '../ask-about.js';
import type { PublicError } from '../../core/errors.js';
import { ignore } from '../../core/optional-promise.js';
import type { Claims } from './claims.js';
import type { Context } from '../context.js';
import type { Liveness } from './liveness.js';
import type { CopyRegistry } from '../copies/copy-registry.js';
import { cancelledEnding, lostEnding, type ForeignEnding } from '../outcomes.js';
import type { OwnedTasks } from '../writing/owned-tasks.js';
import { assertKnownSchema } from '../port/schema.js';
import type { StoredTask, TaskState } from '../port/stored.js';
import type { TaskReader } from '../task-reader.js';

/** The number of tasks of a dead instance that are taken at a time. Survivors divide them. */
const SHARE = 100;
/**
 * The number of shares that are settled at once, of however many dead instances: enough that the store need not wait for
 * answers to be read, and so few that this instance's own signs of life are not late for them.
 */
const SHARES_AT_ONCE = 4;
const MAX_BACK_OFF_MS = 60_000;
/** The number of starts that are remembered after they were given up. */
const MAX_UNANSWERED = 10_000;

/** The parts of an instance that lost tasks are taken care of with. */
export interface RecoveryParts {
  readonly liveness: Liveness;
  readonly claims: Claims;
  readonly owned: OwnedTasks;
  readonly copies: CopyRegistry;
  readonly reader: TaskReader;
}

/** As much of a task as decides what becomes of it; its handler where it may be run again. */
type Lost = TaskState & Partial<Pick<StoredTask, 'handler'>>;

/** Before a lost task runs again, in ms: a job that kills its process takes its time for it. */
const backOffMs = (losses: number): number => Math.min(MAX_BACK_OFF_MS, 1_000 * 2 ** losses);

/** Ends tasks whose instance is gone, or leaves them to be run again. */
export class Recovery {
  /** Dead instances whose tasks are being divided. */
  readonly #dividing = new Set<string>();
  readonly #shares = new AtMost(SHARES_AT_ONCE);
  /** Tasks of starts that the store has not answered: they are removed if they exist and nobody has found them. */
  readonly #unanswered = new Set<string>();
  /** Running tasks whose holder the store does not know: it may be new, or dead and struck off. */
  readonly #undecided = new Set<string>();
  /** Tasks that are being settled. */
  readonly #settling = new Map<string, Promise<number>>();

  constructor(
    readonly context: Context,
    readonly parts: RecoveryParts,
  ) {}

  /** Takes shares of what a dead instance held until nothing is left, and then strikes the instance off. */
  async inherit(instance: string, count: number): Promise<void> {
    if (this.#dividing.has(instance)) return;
    this.#dividing.add(instance);
    try {
      await Promise.all(Array.from({ length: SHARES_AT_ONCE }, () => this.#takeShares(instance)));
      if (!this.parts.liveness.isDead(instance)) return;
      await this.context.driver.removeInstance(instance, count);
    } finally {
      this.#dividing.delete(instance);
    }
  }

  async #takeShares(instance: string): Promise<void> {
    let share: readonly string[];
    do {
      share = await this.#shares.run(() => this.#takeShare(instance));
    } while (share.length > 0 && this.parts.liveness.isDead(instance));
  }

  async #takeShare(instance: string): Promise<readonly string[]> {
    const share = await this.context.driver.divide(instance, this.context.instance, SHARE);
    await this.settleAll(share);
    return share;
  }

  /** Looks again at tasks of holders that the store did not know. */
  async settleUndecided(): Promise<void> {
    const taskIds = [...this.#undecided];
    this.#undecided.clear();
    for (let from = 0; from < taskIds.length; from += SHARE) await this.settleAll(taskIds.slice(from, from + SHARE));
  }

  /** A start was given up: what the store has made of it, or still makes of it, is removed. */
  noteUnanswered(taskId: string): void {
    this.#unanswered.add(taskId);
    const [oldest] = this.#unanswered;
    if (this.#unanswered.size > MAX_UNANSWERED && oldest !== undefined) this.#unanswered.delete(oldest);
  }

  /** Sees to those of a page of tasks that run nowhere, whatever the indexes say. */
  async settleLost(tasks: readonly StoredTask[]): Promise<void> {
    await this.settleAll(tasks.filter((task) => this.isLost(task)).map(({ taskId }) => taskId));
  }

  /**
   * Sees to tasks together. One that may be run again is read by itself, since more has to be known of it.
   */
  async settleAll(taskIds: readonly string[]): Promise<void> {
    const { driver, settings } = this.context;
    const isRead = settings.onLost === 'restart' || taskIds.length === 0;
    const states = isRead ? undefined : await askAbout(taskIds, (some) => driver.look(some));
    await Promise.all(
      taskIds.map(async (taskId, index) => {
        if (states === undefined) return this.settle(taskId).catch(ignore);
        const known = states[index];
        return known && this.settle(taskId, () => Promise.resolve(known.answer)).catch(ignore);
      }),
    );
  }

  /**
   * Sees to a task that this instance looks after: one that nobody runs any more ends or becomes an orphan, and what is
   * none of its business leaves its index. Returns in how many ms it may be run again; Infinity: never, or by somebody else.
   */
  settle(
    taskId: string,
    read = (): Promise<Lost | undefined> => this.parts.reader.readTask({ taskId }),
  ): Promise<number> {
    let settling = this.#settling.get(taskId);
    if (settling === undefined) {
      settling = this.#settle(taskId, read).finally(() => this.#settling.delete(taskId));
      this.#settling.set(taskId, settling);
    }
    return settling;
  }

  async #settle(taskId: string, read: () => Promise<Lost | undefined>): Promise<number> {
    const { liveness, owned, reader } = this.parts;
    const { driver, instance, settings } = this.context;
    if (owned.isExpected(taskId)) return Infinity;
    const task = await read();
    if (owned.isExpected(taskId)) return Infinity;
    if (task !== undefined) assertKnownSchema(task.schema, 'The task');
    const isLost = task?.status === 'running' && (task.holder === instance || reader.isOrphaned(task));
    if (task?.status === 'running' && !isLost && task.holder !== undefined && !liveness.knows(task.holder)) {
      // Given back to a holder that is struck off, it would be looked after by nobody.
      this.#undecided.add(taskId);
      return Infinity;
    }
    if (task === undefined || !isLost || task.holder === undefined) {
      await driver.reindex(instance, [taskId]);
      return isLost ? 0 : Infinity;
    }
    if (this.#unanswered.delete(taskId)) {
      const [watchers = []] = await driver.readAudience([taskId]);
      // Clients that found it by its key wait for its end, so it is treated like any other lost task.
      if (watchers.length === 0) {
        await driver.remove(taskId);
        return Infinity;
      }
    }
    const canRunAgain = settings.onLost === 'restart' && task.handler !== undefined;
    const losses = task.losses + 1;
    if (!canRunAgain || losses >= settings.maxAttempts) {
      await this.lose(task, canRunAgain ? `The task was lost ${losses} times` : undefined);
      return Infinity;
    }
    const delayMs = backOffMs(losses);
    await driver.orphan(taskId, { token: task.token, holder: task.holder }, delayMs, losses);
    return delayMs;
  }

  /** Ends a task whose instance is gone. */
  async lose(task: TaskState, message?: string): Promise<void> {
    await this.#end(task, lostEnding(task.taskId, message));
  }

  /** Ends a task that nobody runs, because somebody has asked for it. */
  async cancel(task: TaskState, reason: PublicError): Promise<void> {
    await this.#end(task, cancelledEnding(task.taskId, reason));
  }

  /** Tells whether the task runs nowhere, although it has a holder: that one is dead, or is this instance and does not run it. */
  isLost({ status, holder, taskId }: Pick<TaskState, 'status' | 'holder' | 'taskId'>): boolean {
    if (status !== 'running' || holder === undefined || this.parts.owned.isExpected(taskId)) return false;
    return holder === this.context.instance || this.parts.liveness.isDead(holder);
  }

  /** A task that is followed here was looked at: its readers must not wait for an instance that is gone. */
  async seen(state: TaskState): Promise<void> {
    if (this.isLost(state)) await this.settle(state.taskId);
  }

  /** Sees to what the store says runs here and does not: what a start or a claim has left behind when its answer was lost. */
  async reconcile(): Promise<void> {
    const { driver, instance } = this.context;
    let page: readonly string[];
    let after: string | undefined;
    do {
      page = await driver.held(instance, after, SHARE);
      after = page.at(-1);
      await this.settleAll(page.filter((taskId) => !this.parts.owned.isExpected(taskId)));
    } while (page.length === SHARE);
  }

  async #end(task: TaskState, ending: ForeignEnding): Promise<void> {
    const { taskId } = task;
    const { owned, claims, copies } = this.parts;
    await owned.whileExpected(taskId, () => claims.take(task, task.attempt, { ending }));
    const copy = copies.get(taskId);
    if (copy !== undefined) await copy.fetch();
  }
}
