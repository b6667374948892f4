/** Keeps the tasks of this process and decides which of them are forgotten first. */
import { Deadlines } from '../deadlines.js';
import { Memory } from '../log/memory.js';
import type { StoreSettings, StoreSizes, TaskRef, Tombstone } from '../ports.js';
import { scopedName } from '../task/scoped-name.js';
import { FairEviction } from './fair-eviction.js';
import type { MemoryTask } from './memory-task.js';

const MAX_TOMBSTONES = 10_000;

interface KeptTombstone extends Tombstone {
  readonly taskId: string;
  readonly resumeKey: string;
}

/**
 * Keeps the tasks of this process and accounts for their memory. Running tasks are never evicted. Finished ones go when
 * their time is over, or earlier when memory is needed: those of the owner who keeps most, least recently used first.
 * Either way a tombstone stays for a while.
 */
export class TaskRegistry {
  /** The memory of all tasks. When it runs out, finished tasks go first, then the oldest events of running ones. */
  readonly memory: Memory;
  readonly #running = new Map<string, MemoryTask>();
  readonly #finished = new Map<string, MemoryTask>();
  /** The finished tasks by owner, to choose those that go before their time. */
  readonly #kept = new FairEviction<string | undefined, MemoryTask>({ sparesLast: true });
  /** Running and ended tasks, in the order of their starts. */
  readonly #byOwner = new Map<string | undefined, Set<MemoryTask>>();
  readonly #byResumeKey = new Map<string, MemoryTask>();
  readonly #byIdempotencyKey = new Map<string, MemoryTask>();
  /** Only running tasks. */
  readonly #bySlot = new Map<string, MemoryTask>();
  readonly #runningPerOwner = new Map<string | undefined, number>();
  readonly #expiry = new Deadlines<MemoryTask>();
  readonly #tombstones = new Map<string, KeptTombstone>();
  readonly #tombstonesByOwner = new FairEviction<string | undefined, KeptTombstone>({ sparesLast: true });
  readonly #tombstoneExpiry = new Deadlines<KeptTombstone>();

  constructor(readonly settings: StoreSettings) {
    this.memory = new Memory(settings.maxBufferedBytes, () => this.#forgetNextFinished() || this.#trimNextRunning());
  }

  /** Adds a running task. */
  add(task: MemoryTask): void {
    this.#running.set(task.taskId, task);
    const others = this.#byOwner.get(task.owner);
    if (others === undefined) this.#byOwner.set(task.owner, new Set([task]));
    else others.add(task);
    this.#byResumeKey.set(task.resumeKey, task);
    if (task.idempotencyKey !== undefined)
      this.#byIdempotencyKey.set(scopedName(task.owner, task.idempotencyKey), task);
    if (task.slot !== undefined) this.#bySlot.set(scopedName(task.owner, task.slot), task);
    this.#runningPerOwner.set(task.owner, this.runningOf(task.owner) + 1);
  }

  /** Takes a task that has ended. It is kept for `ttlMs`, or until its memory is needed. */
  keepFinished(task: MemoryTask): void {
    const { clock, ttlMs } = this.settings;
    const now = clock.now();
    this.#running.delete(task.taskId);
    const others = this.runningOf(task.owner) - 1;
    if (others > 0) this.#runningPerOwner.set(task.owner, others);
    else this.#runningPerOwner.delete(task.owner);
    if (task.slot !== undefined) this.#bySlot.delete(scopedName(task.owner, task.slot));
    task.expiresAt = now + ttlMs;
    this.#expiry.add(task, ttlMs, now);
    // A task that alone takes all memory is kept at the cost of its oldest events, never of its end.
    while (task.size > this.settings.maxBufferedBytes && task.log.segments > 1) task.log.dropOldestSegment();
    if (task.size > this.settings.maxBufferedBytes) {
      this.#expire(task);
      return;
    }
    this.#finished.set(task.taskId, task);
    this.#kept.put(task.owner, task, task.size);
    while (this.#kept.weight > this.settings.maxBufferedBytes && this.#forgetNextFinished());
  }

  /** Counts the tasks of `owner` that run. */
  runningOf(owner: string | undefined): number {
    return this.#runningPerOwner.get(owner) ?? 0;
  }

  find(ref: TaskRef): MemoryTask | Tombstone | undefined {
    if ('idempotencyKey' in ref) return this.#byIdempotencyKey.get(scopedName(ref.owner, ref.idempotencyKey));
    if ('slot' in ref) return this.#bySlot.get(scopedName(ref.owner, ref.slot));
    if ('resumeKey' in ref) {
      const task = this.#byResumeKey.get(ref.resumeKey);
      return task === undefined ? this.#tombstones.get(ref.resumeKey) : this.get(task.taskId);
    }
    return this.get(ref.taskId) ?? this.#tombstones.get(ref.taskId);
  }

  get(taskId: string): MemoryTask | undefined {
    const task = this.#running.get(taskId) ?? this.#finished.get(taskId);
    if (task !== undefined) this.#kept.touch(task);
    return task;
  }

  /** Lists all tasks in no order, or those of one owner in the order of their starts. */
  *values(owner?: string): Generator<MemoryTask> {
    if (owner !== undefined) {
      yield* this.#byOwner.get(owner) ?? [];
      return;
    }
    yield* this.#running.values();
    yield* this.#finished.values();
  }

  /** Forgets what is past its retention. Returns true while anything is kept. */
  sweep(): boolean {
    const now = this.settings.clock.now();
    for (const task of this.#expiry.take(now)) this.#expire(task);
    for (const tombstone of this.#tombstoneExpiry.take(now)) this.#forgetTombstone(tombstone);
    return this.#running.size + this.#finished.size + this.#tombstones.size > 0;
  }

  get sizes(): StoreSizes {
    return {
      finished: this.#finished.size,
      tombstones: this.#tombstonesByOwner.size,
      bufferedBytes: this.memory.bytes,
    };
  }

  /**
   * Trims one segment of the running task whose turn it is, and moves that task to the end. No iterator is kept for
   * this, because a Map's iterator keeps alive every table that the Map has had since, with all the tasks that were in
   * it.
   */
  #trimNextRunning(): boolean {
    for (let left = this.#running.size; left > 0; left--) {
      const [task] = this.#running.values();
      if (task === undefined) return false;
      this.#running.delete(task.taskId);
      this.#running.set(task.taskId, task);
      if (task.log.dropOldestSegment() > 0) return true;
    }
    return false;
  }

  /** Forgets a finished task, so that others have its memory. Returns false where there is none. */
  #forgetNextFinished(): boolean {
    const task = this.#kept.first();
    if (task !== undefined) this.#expire(task);
    return task !== undefined;
  }

  #expire(task: MemoryTask): void {
    const { clock, ttlMs } = this.settings;
    this.#finished.delete(task.taskId);
    this.#kept.delete(task);
    const others = this.#byOwner.get(task.owner);
    others?.delete(task);
    if (others?.size === 0) this.#byOwner.delete(task.owner);
    this.#expiry.delete(task, ttlMs);
    this.#byResumeKey.delete(task.resumeKey);
    if (task.idempotencyKey !== undefined) this.#byIdempotencyKey.delete(scopedName(task.owner, task.idempotencyKey));
    task.log.discard();
    const { taskId, resumeKey, owner } = task;
    const tombstone: KeptTombstone = { status: 'expired', taskId, resumeKey, owner };
    this.#tombstones.set(taskId, tombstone).set(resumeKey, tombstone);
    this.#tombstoneExpiry.add(tombstone, ttlMs, clock.now());
    this.#tombstonesByOwner.put(owner, tombstone, 1);
    const next = this.#tombstonesByOwner.size > MAX_TOMBSTONES ? this.#tombstonesByOwner.first() : undefined;
    if (next === undefined) return;
    this.#tombstoneExpiry.delete(next, ttlMs);
    this.#forgetTombstone(next);
  }

  #forgetTombstone(tombstone: KeptTombstone): void {
    this.#tombstones.delete(tombstone.taskId);
    this.#tombstones.delete(tombstone.resumeKey);
    this.#tombstonesByOwner.delete(tombstone);
  }
}
