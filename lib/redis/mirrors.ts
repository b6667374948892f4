import { TaskError } from '../core/errors.js';
import { EventLog, type MemoryBudget } from '../core/event-log.js';
import type { StoreSizes } from '../core/ports.js';
import { isFinal, type TaskStatus } from '../core/status.js';
import type { Context } from './context.js';
import { Mirror } from './mirror.js';
import { parseRecord, type RedisRecord } from './record.js';
import { READ } from './scripts.js';

/** A copy that nobody has read for so long is dropped, in ms. */
const IDLE_MS = 5_000;
/** So many copies are compared with Redis per tick. */
const CHECKED_PER_TICK = 1_000;

/** What the copies need of the world around them. */
export interface MirrorEvents {
  /** Rings when there is more of the task. */
  subscribe(taskId: string): void;
  unsubscribe(taskId: string): void;
  audienceChanged(mirror: Mirror): void;
  added(mirror: Mirror): void;
}

/** The copies of logs on this instance: one per task that somebody here follows or that runs here. */
export class Mirrors implements MemoryBudget {
  readonly #mirrors = new Map<string, Mirror>();
  readonly #opening = new Map<string, Promise<Mirror | undefined>>();
  #reserved = 0;
  #closed = false;
  #turn: Iterator<Mirror> = this.#mirrors.values();

  constructor(
    readonly context: Context,
    readonly events: MirrorEvents,
  ) {}

  get(taskId: string): Mirror | undefined {
    return this.#mirrors.get(taskId);
  }

  values(): Iterable<Mirror> {
    return this.#mirrors.values();
  }

  /** The task as Redis knows it now. */
  async read(taskId: string): Promise<ReturnType<typeof parseRecord>> {
    const { keys, commands, isDead } = this.context;
    const names = [keys.task(taskId), keys.events(taskId), keys.subscribers(taskId)];
    return parseRecord(taskId, await commands.run(READ, names, []), isDead);
  }

  /**
   * The copy of a task, with all that was committed before the call: whoever comes from another instance may be ahead
   * of a bell that is still on its way. Undefined where there is no task any more.
   */
  async open(taskId: string): Promise<Mirror | undefined> {
    const mirror = this.#mirrors.get(taskId);
    if (mirror !== undefined && !this.#opening.has(taskId)) {
      mirror.usedMs = this.context.settings.clock.now();
      if (mirror.writer === undefined) await mirror.fetch();
      await mirror.refreshSnapshot(0);
      return mirror.log.discarded ? undefined : mirror;
    }
    let opening = this.#opening.get(taskId);
    if (opening === undefined) {
      opening = this.#open(taskId).finally(() => this.#opening.delete(taskId));
      this.#opening.set(taskId, opening);
    }
    return opening;
  }

  async #open(taskId: string): Promise<Mirror | undefined> {
    const record = await this.read(taskId);
    if (record === undefined || record.status === 'expired') return undefined;
    const mirror = this.#mirrors.get(taskId) ?? this.add(record, record.firstKeptSeq - 1);
    try {
      this.events.subscribe(taskId); // before reading, so that nothing falls in between
      await Promise.all([mirror.fetch(), mirror.fetchSnapshot()]);
      mirror.conclude(record);
    } catch (error) {
      this.#drop(mirror);
      throw error;
    }
    if (this.#closed) this.#letGo(mirror);
    if (!mirror.log.discarded) return mirror;
    if (this.#closed) throw new TaskError('STORE_UNAVAILABLE', 'The store has been stopped');
    return undefined;
  }

  /** An empty copy that goes on after `lastSeq`. */
  add(record: RedisRecord, lastSeq: number): Mirror {
    const log = new EventLog(this.context.settings.log, this, lastSeq);
    const mirror = new Mirror(this.context, record, log, (changed) => {
      this.events.audienceChanged(changed);
    });
    this.#mirrors.set(mirror.taskId, mirror);
    this.events.added(mirror);
    return mirror;
  }

  /** There is more of the task. */
  ring(taskId: string): void {
    const mirror = this.#mirrors.get(taskId);
    if (mirror?.writer !== undefined || this.#opening.has(taskId)) return;
    mirror?.fetch().catch(() => undefined); // polling tries again
  }

  /** The task runs elsewhere from now on: its events have to be read. */
  follow(taskId: string): void {
    if (!this.#mirrors.has(taskId)) return;
    this.events.subscribe(taskId);
    this.ring(taskId);
  }

  /** Whoever listens might have missed something. */
  ringAll(): void {
    for (const { taskId } of this.#mirrors.values()) this.ring(taskId);
  }

  /** The task is not what was copied: its readers are cut off and find out by asking again. */
  discard(taskId: string): void {
    const mirror = this.#mirrors.get(taskId);
    if (mirror !== undefined) this.#drop(mirror);
  }

  /** Compares what is followed with Redis, in turns, and drops what nobody reads any more. */
  async check(): Promise<void> {
    const now = this.context.settings.clock.now();
    const checks: Promise<void>[] = [];
    for (let looked = 0; looked < Math.min(this.#mirrors.size, CHECKED_PER_TICK); looked++) {
      let next = this.#turn.next();
      if (next.done) next = (this.#turn = this.#mirrors.values()).next();
      if (next.done) break;
      const mirror = next.value;
      if (mirror.writer !== undefined || this.#opening.has(mirror.taskId)) continue;
      if (mirror.local === 0 && now - mirror.usedMs > IDLE_MS) this.#drop(mirror);
      else checks.push(this.#check(mirror));
    }
    await Promise.all(checks);
  }

  async #check(mirror: Mirror): Promise<void> {
    const key = this.context.keys.task(mirror.taskId);
    const reply = await this.context.commands.send(key, 'HMGET', key, 'status', 'seq', 'holder');
    const [status, seq, holder] = reply as (string | null)[];
    if (mirror.writer !== undefined || this.#mirrors.get(mirror.taskId) !== mirror) return;
    const final = isFinal((status ?? 'running') as TaskStatus);
    // Gone, or ended before events that were acknowledged and read: in both cases not the log that was copied.
    if (typeof status !== 'string' || (final && Number(seq) < mirror.log.lastSeq)) {
      this.#drop(mirror);
      return;
    }
    if (typeof holder === 'string') mirror.holder = holder;
    await mirror.fetch();
    if (final && !mirror.log.ended) {
      const record = await this.read(mirror.taskId);
      if (record === undefined || record.status === 'expired') this.#drop(mirror);
      else mirror.conclude(record);
    }
    await mirror.refreshSnapshot(this.context.settings.log.maxEvents / 32);
  }

  #drop(mirror: Mirror): void {
    if (this.#mirrors.get(mirror.taskId) !== mirror) return;
    this.#forget(mirror);
    mirror.log.discard();
  }

  #forget(mirror: Mirror): void {
    this.#mirrors.delete(mirror.taskId);
    this.events.unsubscribe(mirror.taskId);
  }

  /** Nothing is followed from now on. */
  close(): void {
    this.#closed = true;
    for (const mirror of [...this.#mirrors.values()]) this.#letGo(mirror);
  }

  /** What has its end stays readable for those who are reading it, and for nobody else. */
  #letGo(mirror: Mirror): void {
    if (!mirror.log.ended) {
      this.#drop(mirror);
    } else if (this.#mirrors.get(mirror.taskId) === mirror) {
      this.#forget(mirror);
      this.release(mirror.log.capacity);
    }
  }

  /** Accounts for `bytes` more, at the cost of copies that nobody reads, then of what others have longest kept. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
    while (this.#reserved > this.context.settings.maxBufferedBytes) {
      if (!this.#dropUnread() && !this.#trimNext()) return;
    }
  }

  #dropUnread(): boolean {
    for (const mirror of this.#mirrors.values()) {
      if (mirror.local > 0 || mirror.writer !== undefined || this.#opening.has(mirror.taskId)) continue;
      this.#drop(mirror);
      return true;
    }
    return false;
  }

  /** They take turns, a segment each: whose turn it was goes to the end. */
  #trimNext(): boolean {
    for (let left = this.#mirrors.size; left > 0; left--) {
      const [mirror] = this.#mirrors.values();
      if (mirror === undefined) return false;
      this.#mirrors.delete(mirror.taskId);
      this.#mirrors.set(mirror.taskId, mirror);
      if (mirror.log.dropOldestSegment() > 0) return true;
    }
    return false;
  }

  release(bytes: number): void {
    this.#reserved -= bytes;
  }

  get sizes(): StoreSizes {
    let finished = 0;
    for (const { log } of this.#mirrors.values()) if (log.ended) finished++;
    return { finished, tombstones: 0, bufferedBytes: this.#reserved };
  }
}
