/** Reports the subscribers of this instance to the store, and counts those of all instances. */
import { ignore } from '../../core/optional-promise.js';
import { askAbout, type Answered } from '../ask-about.js';
import type { AudienceReport } from '../port/calls.js';
import type { Context } from '../context.js';
import type { Liveness } from './liveness.js';
import type { LogCopy } from '../copies/log-copy.js';
import type { AudienceShare, StoredTask } from '../port/stored.js';
import type { Turn } from '../turn.js';

/** The number of named subscribers per task whose moves are remembered until they can be told. */
const MAX_MOVES = 1_000;

/** The subscribers of a task on other instances. */
export interface AudienceCount {
  readonly others: number;
  /** False where the store does not know an instance that counts: it may be new, or dead. */
  readonly isCertain: boolean;
}

/** The part of a copy that is counted. A task that nobody here has a copy of has the same, with nobody in it. */
type Counted = Pick<LogCopy, 'taskId' | 'holder' | 'local' | 'moves'>;

/**
 * Counts subscribers on all instances. Each instance reports its own share of a task, under a version that grows; whoever
 * runs the task reads all shares, so that no two messages can overtake each other.
 */
export class Audience {
  readonly #changed = new Set<Counted>();
  /** Sent, but not known to have arrived: they are sent again as they are, so that no move counts twice. */
  readonly #unsettled = new Map<string, { readonly copy: Counted; readonly report: AudienceReport }>();
  #version = 0;
  #isLeaving = false;
  #told: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | undefined;
  #scheduled: Promise<void> | undefined;

  constructor(
    readonly context: Context,
    readonly liveness: Liveness,
    readonly turn: Turn,
  ) {}

  changed(copy: Counted): void {
    this.#changed.add(copy);
    this.#scheduled ??= new Promise((resolve) => {
      this.turn.add(() => {
        this.#scheduled = undefined;
        void this.flush().then(resolve);
      });
    });
  }

  /** Reports what has changed. What cannot be told now is told next time. */
  flush(): Promise<void> {
    return (this.#flushing ??= this.#flush().finally(() => (this.#flushing = undefined)));
  }

  /** Takes this instance out of all counts, whoever is still attached here, and tells those who run the tasks. */
  async leave(copies: Iterable<LogCopy>): Promise<void> {
    this.#isLeaving = true;
    for (const copy of copies) if (copy.local > 0) this.#changed.add(copy);
    await this.flush();
    await this.#told;
  }

  /**
   * Corrects what the store counts for this instance. A store that has gone back to an earlier state counts subscribers
   * who have left since.
   * @param tasks some that the store has
   * @param copyOf returns the copy of a task, where there is one here
   */
  async correct(tasks: readonly StoredTask[], copyOf: (taskId: string) => LogCopy | undefined): Promise<void> {
    const shares = await this.context.driver.readAudience(tasks.map(({ taskId }) => taskId));
    for (const [index, { taskId, holder }] of tasks.entries()) {
      const own = shares[index]?.find(({ instance }) => instance === this.context.instance);
      const copy = copyOf(taskId) ?? { taskId, holder, local: 0, moves: [] };
      if (own !== undefined && own.count !== copy.local) this.changed(copy);
    }
  }

  /** Subscribers of each task on all other instances that live. */
  async countOthers(taskIds: readonly string[]): Promise<number[]> {
    return (await this.#count(taskIds)).map(({ others }) => others);
  }

  /** The same, and whether that is certain; of each task that the store can tell of. */
  count(taskIds: readonly string[]): Promise<readonly Answered<AudienceCount>[]> {
    return askAbout(taskIds, (some) => this.#count(some));
  }

  async #count(taskIds: readonly string[]): Promise<AudienceCount[]> {
    const shares = await this.context.driver.readAudience(taskIds);
    return taskIds.map((_, index) => this.#countIn(shares[index] ?? []));
  }

  #countIn(shares: readonly AudienceShare[]): AudienceCount {
    let others = 0;
    let isCertain = true;
    for (const { instance, count } of shares) {
      if (count === 0 || instance === this.context.instance || this.liveness.isDead(instance)) continue;
      others += count;
      isCertain &&= this.liveness.knows(instance);
    }
    return { others, isCertain };
  }

  /** Returns the position at which a subscriber left off, unless it is attached somewhere now. */
  async departedAt(taskId: string, subscriberId: string): Promise<number | undefined> {
    await this.#scheduled;
    await this.#flushing;
    const { attachedTo, position } = await this.context.driver.readDeparture(taskId, subscriberId);
    return attachedTo.some((instance) => !this.liveness.isDead(instance)) ? undefined : position;
  }

  async #flush(): Promise<void> {
    for (let round = 0; round < 2 && this.#changed.size + this.#unsettled.size > 0; round++) {
      for (const copy of this.#changed) {
        if (this.#unsettled.has(copy.taskId)) continue;
        this.#changed.delete(copy);
        this.#unsettled.set(copy.taskId, { copy, report: this.#reportOf(copy) });
      }
      const sent = [...this.#unsettled.values()];
      const answers = await askAbout(sent, async (some) => {
        await this.context.driver.reportAudience(some.map(({ report }) => report));
        return some;
      }).catch(() => []);
      const arrived = answers.flatMap((each) => each?.answer ?? []);
      for (const { copy } of arrived) this.#unsettled.delete(copy.taskId);
      this.#told = Promise.all(arrived.map(({ copy }) => this.#tellHolder(copy)));
      if (arrived.length < sent.length) return;
    }
  }

  #reportOf(copy: Counted): AudienceReport {
    const { taskId, local } = copy;
    const moves = copy.moves.splice(0).slice(-MAX_MOVES);
    return {
      taskId,
      instance: this.context.instance,
      version: ++this.#version,
      count: this.#isLeaving ? 0 : local,
      moves,
    };
  }

  async #tellHolder({ holder, taskId }: Counted): Promise<void> {
    if (holder === undefined || holder === this.context.instance) return;
    await this.context.driver.notify(holder, { kind: 'audience', taskId }).catch(ignore);
  }
}
