import type { AudienceReport } from '../port/calls.js';
import { ignore, type Context } from '../context.js';
import type { Liveness } from './liveness.js';
import type { LogCopy } from '../copies/log-copy.js';
import type { AudienceShare } from '../port/stored.js';
import type { Turn } from '../turn.js';

/** The number of named subscribers per task whose moves are remembered until they can be told. */
const MAX_MOVES = 1_000;

/**
 * Counts subscribers on all instances. Each instance reports its own share of a task, under a version that grows; whoever
 * runs the task reads all shares, so that no two messages can overtake each other.
 */
export class Audience {
  readonly #changed = new Set<LogCopy>();
  /** Sent, but not known to have arrived: they are sent again as they are, so that no move counts twice. */
  readonly #unsettled = new Map<string, { readonly copy: LogCopy; readonly report: AudienceReport }>();
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

  changed(copy: LogCopy): void {
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

  /** Subscribers of each task on all other instances that live. */
  async countOthers(taskIds: readonly string[]): Promise<number[]> {
    const shares = await this.context.driver.readAudience(taskIds);
    return taskIds.map((_, index) => this.othersIn(shares[index] ?? []));
  }

  othersIn(shares: readonly AudienceShare[]): number {
    let others = 0;
    for (const { instance, count } of shares) {
      if (instance !== this.context.instance && !this.liveness.isDead(instance)) others += count;
    }
    return others;
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
      try {
        await this.context.driver.reportAudience(sent.map(({ report }) => report));
      } catch {
        return;
      }
      for (const { copy } of sent) this.#unsettled.delete(copy.taskId);
      this.#told = Promise.all(sent.map(({ copy }) => this.#tellHolder(copy)));
    }
  }

  #reportOf(copy: LogCopy): AudienceReport {
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

  async #tellHolder({ holder, taskId }: LogCopy): Promise<void> {
    if (holder === undefined || holder === this.context.instance) return;
    await this.context.driver.ring(holder, { kind: 'audience', taskId }).catch(ignore);
  }
}
