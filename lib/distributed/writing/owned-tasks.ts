/** Keeps the writers of all tasks that this instance owns, and checks that they still are its own. */
import { unavailable, type PublicError } from '../../core/errors.js';
import { ignore } from '../../core/optional-promise.js';
import { NOBODY } from '../../core/store/nobody.js';
import { askAbout } from '../ask-about.js';
import type { Appender } from './appender.js';
import { AudienceCounts } from './audience-counts.js';
import type { Audience } from '../fleet/audience.js';
import type { Claims } from '../fleet/claims.js';
import type { Context } from '../context.js';
import type { Liveness } from '../fleet/liveness.js';
import type { CopyRegistry } from '../copies/copy-registry.js';
import type { LogCopy } from '../copies/log-copy.js';
import { fenced, lostByStore } from '../outcomes.js';
import type { PendingBatch } from './pending-batch.js';
import type { LiveRecord } from '../records.js';
import type { Retries } from './retries.js';
import type { StoredTask, TaskState } from '../port/stored.js';
import type { Turn } from '../turn.js';
import { SharedWriter, type WriterOwner } from './writer.js';

/** The number of tasks that are asked after in one call. */
const PAGE = 500;

/** The parts of an instance that its tasks are written with. */
export interface WritingParts {
  readonly appender: Appender;
  readonly retries: Retries;
  readonly turn: Turn;
  readonly liveness: Liveness;
  readonly copies: CopyRegistry;
  readonly audience: Audience;
  readonly claims: Claims;
}

/** The tasks that this instance may write to. */
export class OwnedTasks implements WriterOwner {
  readonly #writers = new Map<string, SharedWriter>();
  /** Being created or claimed: the store may say already that they run here. */
  readonly #expected = new Map<string, number>();
  /** Cancelled after the store said that they run here, and before they did. */
  readonly #cancelledEarly = new Set<string>();
  /** Tasks that the store has forgotten to be held here, and that are being claimed again. */
  readonly #claimedAgain = new Set<SharedWriter>();
  readonly audiences: AudienceCounts;
  #touchedMs: number;

  constructor(
    readonly context: Context,
    readonly parts: WritingParts,
  ) {
    this.#touchedMs = context.settings.clock.now();
    this.audiences = new AudienceCounts(parts, this.#writers);
  }

  get appender(): Appender {
    return this.parts.appender;
  }

  get retries(): Retries {
    return this.parts.retries;
  }

  get turn(): Turn {
    return this.parts.turn;
  }

  get sure(): boolean {
    return this.parts.liveness.sure;
  }

  get size(): number {
    return this.#writers.size;
  }

  get(taskId: string): SharedWriter | undefined {
    return this.#writers.get(taskId);
  }

  /** Tells whether the task runs here, or is about to. */
  isExpected(taskId: string): boolean {
    return this.#writers.has(taskId) || this.#expected.has(taskId);
  }

  /** Does `work`, in which the store may come to say that the task runs here, although nothing does yet. */
  async whileExpected<T>(taskId: string, work: () => Promise<T>): Promise<T> {
    this.#expected.set(taskId, (this.#expected.get(taskId) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const others = (this.#expected.get(taskId) ?? 1) - 1;
      if (others > 0) this.#expected.set(taskId, others);
      else this.#expected.delete(taskId);
      if (others <= 0 && !this.#writers.has(taskId)) this.#cancelledEarly.delete(taskId);
    }
  }

  /** The task is written here from now on; its local copy goes on from what the writer appends. */
  own(task: StoredTask, record: LiveRecord): SharedWriter {
    const { copies } = this.parts;
    const { taskId, top, token, dropped, cancel } = task;
    const bounds = { end: { ...top, token }, dropped };
    const writer = new SharedWriter(this.context, record, bounds, this);
    this.#writers.set(taskId, writer);
    // A new task has its copy at once; one that was taken over is read when somebody asks for it.
    const copy = copies.get(taskId) ?? (token === 1 ? copies.add({ ...record }, this.context.instance, 0) : undefined);
    if (copy !== undefined) {
      this.attach(copy);
      if (copy.mayBeBehind) copy.fetch().catch(ignore);
    }
    if (cancel !== undefined) this.#later(writer, () => this.cancel(writer, JSON.parse(cancel) as PublicError));
    return writer;
  }

  /** A copy of a task that runs here gets what the writer appends. */
  attach(copy: LogCopy): void {
    const writer = this.#writers.get(copy.taskId);
    if (writer === undefined) return;
    copy.writer = writer;
    copy.holder = this.context.instance;
  }

  begun(writer: SharedWriter): void {
    this.#later(writer, () => {
      const subscribers = this.parts.copies.get(writer.taskId)?.record.subscribers ?? 0;
      if (subscribers > 0) writer.executor.audienceChanged(subscribers);
    });
    if (this.#cancelledEarly.delete(writer.taskId))
      this.#later(writer, () => void this.cancelNoted(writer.taskId).catch(ignore));
    if (writer.record.attempt > 1) this.audiences.note(writer.taskId); // they came while it ran elsewhere
  }

  committed(writer: SharedWriter, batch: PendingBatch): void {
    const copy = this.parts.copies.get(writer.taskId);
    // A previous holder may have written events that this copy has not read yet: they are in the store.
    if (copy?.events.acceptBatch(batch, writer.end) === false) copy.fetch().catch(ignore);
  }

  closed(writer: SharedWriter): void {
    if (this.#writers.get(writer.taskId) !== writer) return;
    this.#writers.delete(writer.taskId);
    this.#cancelledEarly.delete(writer.taskId);
    const copy = this.parts.copies.get(writer.taskId);
    if (copy !== undefined) this.parts.copies.handOver(copy);
    writer.executor = NOBODY;
  }

  countSubscribers({ taskId }: SharedWriter): Promise<number> {
    return this.audiences.countSubscribers(taskId);
  }

  async release(writer: SharedWriter): Promise<void> {
    const { driver, instance } = this.context;
    const { taskId, epoch, handler } = writer.record;
    await driver.orphan(taskId, { token: epoch, holder: instance }, 0);
    const copy = this.parts.copies.get(taskId);
    if (copy !== undefined) copy.holder = undefined;
    if (handler !== undefined) await driver.notify(undefined, { kind: 'orphan', handler }).catch(ignore);
  }

  /** Asks the store about a task that runs here: somebody has cancelled it. */
  async cancelNoted(taskId: string): Promise<void> {
    if (this.#writers.has(taskId)) await this.#verify([taskId]);
    else if (this.#expected.has(taskId)) this.#cancelledEarly.add(taskId);
  }

  cancel(writer: SharedWriter, reason: PublicError): void {
    if (writer.executor === NOBODY) this.#cancelledEarly.add(writer.taskId);
    else writer.executor.cancelRequested(reason);
  }

  /**
   * Asks the store which tasks are still held here, and what is wanted of them. Then they go on.
   * @throws TaskError `STORE_UNAVAILABLE` where the store cannot tell of all of them
   */
  async verifyAll(): Promise<void> {
    const taskIds = [...this.#writers.keys()];
    const untold = new Set<string>();
    for (let i = 0; i < taskIds.length; i += PAGE)
      for (const taskId of await this.#verify(taskIds.slice(i, i + PAGE))) untold.add(taskId);
    for (const writer of this.#writers.values())
      if (!this.#claimedAgain.has(writer) && !untold.has(writer.taskId)) writer.resume();
    if (untold.size > 0) throw unavailable('The store does not tell who holds some tasks');
  }

  /** One tick: refuses what has waited for too long, and keeps what runs from expiring. */
  async tend(): Promise<void> {
    const { driver, instance, runningTtlMs, settings } = this.context;
    const now = settings.clock.now();
    for (const writer of [...this.#writers.values()]) writer.expire(now, this.parts.liveness.failure);
    if (now - this.#touchedMs < runningTtlMs / 4) return;
    this.#touchedMs = now;
    const taskIds = [...this.#writers.keys()];
    for (let i = 0; i < taskIds.length; i += PAGE) await driver.reindex(instance, taskIds.slice(i, i + PAGE));
  }

  /** Returns the tasks that the store cannot tell of. */
  async #verify(taskIds: readonly string[]): Promise<string[]> {
    const states = await askAbout(taskIds, (some) => this.context.driver.look(some));
    return taskIds.filter((taskId, index) => {
      const writer = this.#writers.get(taskId);
      const known = states[index];
      if (writer !== undefined && known !== undefined) this.#judge(writer, known.answer);
      return known === undefined;
    });
  }

  #judge(writer: SharedWriter, state: TaskState | undefined): void {
    const { epoch } = writer.record;
    if (state === undefined) {
      writer.revoke(lostByStore());
      this.parts.copies.discard(writer.taskId);
    } else if (state.token > epoch) writer.revoke(fenced());
    else if (state.token < epoch) void this.#takeAgain(writer, state);
    else if (state.holder !== this.context.instance && state.status === 'running') writer.revoke(fenced());
    else if (state.cancel !== undefined) this.cancel(writer, JSON.parse(state.cancel) as PublicError);
  }

  /** The store has gone back to a state in which the task was not held here yet: takes it again, under a higher token. */
  async #takeAgain(writer: SharedWriter, state: TaskState): Promise<void> {
    if (!writer.idle || state.status !== 'running') return; // the next time, then
    if (this.#claimedAgain.has(writer)) return;
    this.#claimedAgain.add(writer);
    writer.pause();
    const { attempt, epoch, taskId } = writer.record;
    try {
      const claimed = await this.whileExpected(taskId, () => this.parts.claims.take(state, attempt, { above: epoch }));
      if ('won' in claimed) writer.renew({ ...claimed.won.top, token: claimed.won.token });
      else writer.revoke(claimed.lost === 'gone' ? lostByStore() : fenced());
    } catch {
      // The store does not answer: what it says the next time decides.
    } finally {
      this.#claimedAgain.delete(writer);
      writer.resume();
    }
  }

  #later(writer: SharedWriter, tell: () => void): void {
    setImmediate(() => {
      if (this.#writers.get(writer.taskId) === writer) tell();
    });
  }
}
