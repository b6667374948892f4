/** Keeps the local copies of all logs that are read on this instance, within the memory they may take. */
import { unavailable } from '../../core/errors.js';
import { Memory } from '../../core/log/memory.js';
import type { KnownPlace, StoreSizes } from '../../core/ports.js';
import { isFinal } from '../../core/task/status.js';
import { ignore } from '../../core/optional-promise.js';
import { askAbout } from '../ask-about.js';
import type { Context } from '../context.js';
import { readFirst } from './log-sync.js';
import { LogCopy } from './log-copy.js';
import { isTask } from '../port/calls.js';
import type { FoundTask, LiveRecord } from '../records.js';
import type { Entry, TaskState } from '../port/stored.js';

/** A copy that nobody has read for so long is dropped, in ms. */
const IDLE_MS = 5_000;
/** A copy that is dropped while it is opened is opened again, so often in all. */
const OPENINGS = 3;
/** The number of copies that are compared with the store in one call. */
const PAGE = 500;

/** The services that copies need of the world around them. */
export interface CopyRegistryEvents {
  /** Wakes when there is more of the task; resolves when nothing can be missed any more. */
  follow(taskId: string): Promise<void>;
  unfollow(taskId: string): void;
  audienceChanged(copy: LogCopy): void;
  added(copy: LogCopy): void;
  /** The task as the store has it now, with its snapshot. */
  read(taskId: string): Promise<FoundTask | undefined>;
  /** As far as is known here. */
  isAlive(holder: string | undefined): boolean;
  /** A task that is followed here was looked at. */
  seen(state: TaskState): void;
}

/** The copies of logs on this instance: one per task that somebody here follows or that runs here. */
export class CopyRegistry {
  /** At the cost of copies that nobody reads, then of what others have longest kept. */
  readonly memory: Memory;
  readonly #copies = new Map<string, LogCopy>();
  readonly #opening = new Map<string, Promise<LogCopy | undefined>>();
  #closed = false;

  constructor(
    readonly context: Context,
    readonly events: CopyRegistryEvents,
  ) {
    this.memory = new Memory(context.settings.maxBufferedBytes, () => this.#dropUnread() || this.#trimNext());
  }

  get(taskId: string): LogCopy | undefined {
    return this.#copies.get(taskId);
  }

  values(): Iterable<LogCopy> {
    return this.#copies.values();
  }

  /**
   * The copy of a task, with all that was committed before the call: whoever comes from another instance may be ahead
   * of a notification that is still on its way. Undefined where there is no task any more.
   */
  async open(taskId: string, known?: KnownPlace): Promise<LogCopy | undefined> {
    for (let tries = 0; tries < OPENINGS; tries++) {
      const copy = await this.#opened(taskId, known);
      if (copy?.log.discarded !== true) return copy;
      if (this.#copies.get(taskId) === copy) this.#forget(copy);
      // It was dropped in the meantime, which says nothing about the task: only the store can tell that it is gone.
      if (this.#closed) throw unavailable('The store has been stopped');
    }
    throw unavailable('There is no room for a copy of the log');
  }

  async #opened(taskId: string, known: KnownPlace | undefined): Promise<LogCopy | undefined> {
    const opening = this.#opening.get(taskId);
    const copy = opening === undefined ? this.#copies.get(taskId) : await opening; // which may have read before the call
    if (copy === undefined) return opening === undefined ? this.#openOnce(taskId) : undefined;
    copy.usedMs = this.context.settings.clock.now();
    if (copy.mayBeBehind || copy.events.lacks(known)) await Promise.all([copy.fetch(), copy.refreshSnapshot(-1)]);
    return copy;
  }

  #openOnce(taskId: string): Promise<LogCopy | undefined> {
    const opening = this.#open(taskId).finally(() => this.#opening.delete(taskId));
    this.#opening.set(taskId, opening);
    return opening;
  }

  /** An empty copy that goes on after `lastSeq`. */
  add(record: LiveRecord, holder: string | undefined, lastSeq: number): LogCopy {
    const audienceChanged = (copy: LogCopy): void => this.events.audienceChanged(copy);
    const copy = new LogCopy(this.context, record, holder, this.memory, lastSeq, audienceChanged);
    this.#copies.set(copy.taskId, copy);
    this.events.added(copy);
    return copy;
  }

  /** A notification says that there is more of the task: these entries, where it has brought them. */
  appended(taskId: string, entries: readonly Entry[] | undefined): void {
    const copy = this.#copies.get(taskId);
    if (copy === undefined || copy.writer !== undefined || this.#opening.has(taskId)) return;
    copy.events.acceptEntries(entries).catch(ignore); // the next look tries again
  }

  /** The task runs elsewhere from now on: its events have to be read. */
  handOver(copy: LogCopy): void {
    copy.detach();
    if (copy.log.ended || this.#copies.get(copy.taskId) !== copy) return;
    const following = this.events.follow(copy.taskId);
    following.then(() => copy.fetch()).catch(ignore); // looking does the work
  }

  /** The task is not what was copied: its readers are cut off and find out by asking again. */
  discard(taskId: string): void {
    const copy = this.#copies.get(taskId);
    if (copy !== undefined) this.#drop(copy);
  }

  /** Drops what nobody reads any more. */
  dropIdle(): void {
    const now = this.context.settings.clock.now();
    for (const copy of this.#copies.values()) {
      if (!this.#isUsed(copy) && now - copy.usedMs > IDLE_MS) this.#drop(copy);
    }
  }

  /** Compares everything that is followed with the store. */
  check(): Promise<void> {
    return this.#checkAll(() => true);
  }

  /** The same of those whose holder is not known to be alive: their readers wait for an end that nobody may write. */
  checkLost(): Promise<void> {
    return this.#checkAll(({ holder }) => !this.events.isAlive(holder));
  }

  async #checkAll(isMeant: (copy: LogCopy) => boolean): Promise<void> {
    const followed = [...this.#copies.values()].filter((copy) => copy.mayBeBehind && isMeant(copy));
    for (let i = 0; i < followed.length; i += PAGE) {
      const page = followed.slice(i, i + PAGE);
      const states = await askAbout(page, (some) => this.context.driver.look(some.map(({ taskId }) => taskId)));
      const check = async (copy: LogCopy, n: number): Promise<void> => states[n] && this.#check(copy, states[n].answer);
      await Promise.allSettled(page.map(check));
    }
  }

  async #check(copy: LogCopy, state: TaskState | undefined): Promise<void> {
    if (!copy.mayBeBehind || this.#copies.get(copy.taskId) !== copy || this.#opening.has(copy.taskId)) return;
    if (state === undefined) {
      this.#drop(copy);
      return;
    }
    copy.holder = state.holder;
    this.events.seen(state);
    if (copy.events.isBehind(state)) await copy.fetch();
    if (isFinal(state.status) && !copy.log.ended) await this.#conclude(copy);
    await copy.refreshSnapshot(this.context.settings.log.maxEvents / 32);
  }

  /** Asks for everything at once. What is appended until the task is followed, and may go unheard, is read after that. */
  async #open(taskId: string): Promise<LogCopy | undefined> {
    const following = this.events.follow(taskId).catch(ignore); // where nothing is heard, looking makes up for it
    let found: FoundTask | undefined;
    let first: readonly Entry[];
    try {
      [found, first] = await Promise.all([this.events.read(taskId), readFirst(this.context, taskId)]);
    } finally {
      if (found === undefined && !this.#copies.has(taskId)) this.events.unfollow(taskId);
    }
    if (found === undefined) return undefined;
    const { task, record } = found;
    const copy = this.#copies.get(taskId) ?? this.add(record, task.holder, task.dropped.seq);
    try {
      await copy.catchUp(task, first);
      if (isFinal(task.status) && !copy.log.ended) await this.#conclude(copy);
    } catch (error) {
      if (copy.writer === undefined) this.#drop(copy);
      throw error;
    }
    if (this.#closed) this.#letGo(copy);
    else void following.then(() => (copy.mayBeBehind ? copy.fetch() : undefined)).catch(ignore);
    return copy;
  }

  async #conclude(copy: LogCopy): Promise<void> {
    const task = await this.context.driver.read({ taskId: copy.taskId }, { outcome: true });
    if (isTask(task)) copy.events.conclude(task);
    else this.#drop(copy);
  }

  #drop(copy: LogCopy): void {
    if (this.#copies.get(copy.taskId) !== copy) return;
    this.#forget(copy);
    copy.log.discard();
  }

  #forget(copy: LogCopy): void {
    copy.forget();
    this.#copies.delete(copy.taskId);
    this.events.unfollow(copy.taskId);
  }

  /** Nothing is followed from now on. */
  close(): void {
    this.#closed = true;
    for (const copy of [...this.#copies.values()]) this.#letGo(copy);
  }

  /** A log that has its end stays readable for those who are reading it, and for nobody else. */
  #letGo(copy: LogCopy): void {
    if (!copy.log.ended) {
      this.#drop(copy);
    } else if (this.#copies.get(copy.taskId) === copy) {
      this.#forget(copy);
      this.memory.release(copy.log.capacity);
    }
  }

  get sizes(): StoreSizes {
    let finished = 0;
    for (const { log } of this.#copies.values()) if (log.ended) finished++;
    return { finished, tombstones: 0, bufferedBytes: this.memory.bytes };
  }

  #isUsed({ local, writer, taskId }: LogCopy): boolean {
    return local > 0 || writer !== undefined || this.#opening.has(taskId);
  }

  #dropUnread(): boolean {
    for (const copy of this.#copies.values()) {
      if (this.#isUsed(copy)) continue;
      this.#drop(copy);
      return true;
    }
    return false;
  }

  /** They take turns, a segment each: whose turn it was goes to the end. */
  #trimNext(): boolean {
    for (let left = this.#copies.size; left > 0; left--) {
      const [copy] = this.#copies.values();
      if (copy === undefined) return false;
      this.#copies.delete(copy.taskId);
      this.#copies.set(copy.taskId, copy);
      if (copy.log.dropOldestSegment() > 0) return true;
    }
    return false;
  }
}
