/** Keeps the indexes that lead to tasks, and repairs what they have lost. */
import type { TaskStatus } from '../core/task/status.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import type { Draft, StoredTask } from '../distributed/port/stored.js';
import type { Commands } from './clients/commands.js';
import { ENTER_ENDED, ENTER_ORPHAN, FREE_KEY, RENEW_KEY } from './scripts/fleet-scripts.js';
import { IndexWrites } from './index-writes.js';
import type { Keys } from './keys.js';
import type { Reply } from './clients/replies.js';

/** A task as far as it says what leads to it. */
export type Named = Pick<Draft, 'taskId' | 'resumeKey' | 'owner' | 'idempotencyKey' | 'slot' | 'handler'>;
type Steps = Promise<Reply>[];

/**
 * Writes what leads to tasks. No entry carries meaning of its own: each is compared with its task when it is used, so
 * they need no order among themselves, and may be left behind or missing.
 */
export class Indexes {
  readonly #runningTtl: string;
  readonly #writes: IndexWrites;
  /** Tells whether the running tasks of owners are counted. */
  readonly #hasQuota: boolean;

  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
    readonly settings: Pick<DriverSettings, 'runningTtlMs' | 'ttlMs' | 'maxTasksPerOwner'>,
  ) {
    this.#runningTtl = String(settings.runningTtlMs);
    this.#hasQuota = settings.maxTasksPerOwner !== Infinity;
    this.#writes = new IndexWrites(commands, this.#runningTtl);
  }

  /** Of a task that is about to be created: the lists, its resume key and the index of its holder. */
  created(task: Named, holder: string): Steps {
    const key = this.keys.resumeKey(task.resumeKey);
    const resumable = this.commands.send(key, 'SET', key, task.taskId, 'PX', this.#runningTtl);
    return [...this.held(task.taskId, holder), resumable, ...this.#list(task, 'running')];
  }

  held(taskId: string, holder: string): Steps {
    const running = this.keys.running(holder);
    return [
      this.commands.send(running, 'ZADD', running, '0', taskId),
      this.commands.send(running, 'PEXPIRE', running, this.#runningTtl),
    ];
  }

  /** Of a task that has ended; `holders` are all whose index may name it. */
  ended(task: Named, status: TaskStatus, holders: readonly (string | undefined)[]): Steps {
    const args = [String(this.settings.ttlMs), this.#runningTtl];
    return [
      ...this.#list(task, status),
      ...this.#listKeys(task, 'running').map((list) => this.#writes.remove(list, task.taskId)),
      ...this.#freeWhileRunning(task),
      this.#writes.run(ENTER_ENDED, [this.keys.ended, ...this.#heldBy(task, holders)], args, task.taskId),
    ];
  }

  orphaned({ taskId, handler }: Pick<Named, 'taskId' | 'handler'>, holders: readonly string[], delayMs: number): Steps {
    const { keys } = this;
    // An orphan without a handler is in the one list twice.
    const orphans = [keys.orphans(), keys.orphans(handler)];
    const args = [taskId, String(delayMs), this.#runningTtl];
    return [this.commands.run(ENTER_ORPHAN, [...orphans, ...holders.map((name) => keys.running(name))], args)];
  }

  /** Of an orphan that `holder` has claimed, or of a task that it has claimed from `before`. */
  claimed(task: Named, before: string | undefined): Steps {
    return this.#heldBy(task, [before]).map((key) => this.#writes.remove(key, task.taskId));
  }

  /** Of a task that is gone: whatever may lead to it, its resume key if there is no tombstone either. */
  gone(task: Named, status: TaskStatus, holders: readonly (string | undefined)[], buried = false): Steps {
    const { keys } = this;
    const { taskId, owner, idempotencyKey, resumeKey } = task;
    const freed = idempotencyKey === undefined ? [] : [keys.idempotencyKey(owner, idempotencyKey)];
    if (!buried) freed.push(keys.resumeKey(resumeKey));
    return [
      ...freed.map((key) => this.commands.run(FREE_KEY, [key], [taskId])),
      ...this.#freeWhileRunning(task),
      ...[...this.#listKeys(task, undefined), ...this.#listKeys(task, status)].map((list) =>
        this.#writes.remove(list, taskId),
      ),
      ...this.#heldBy(task, holders).map((key) => this.#writes.remove(key, taskId)),
    ];
  }

  /** Makes all entries of a task agree with it, and keeps them. */
  renew(task: StoredTask): Steps {
    const { keys, commands } = this;
    const { taskId, resumeKey, owner, idempotencyKey, slot, status, holder } = task;
    const renew = (key: string): Promise<Reply> => commands.run(RENEW_KEY, [key], [taskId, this.#runningTtl]);
    const steps = [renew(keys.resumeKey(resumeKey)), ...this.#list(task, status)];
    if (idempotencyKey !== undefined) steps.push(renew(keys.idempotencyKey(owner, idempotencyKey)));
    if (status !== 'running') return [...steps, ...this.ended(task, status, [holder])];
    if (slot !== undefined) steps.push(renew(keys.slot(owner, slot)));
    if (this.#hasQuota) steps.push(this.#writes.add(keys.quota(owner), taskId));
    for (const key of keys.ofTask(taskId)) steps.push(commands.send(key, 'PEXPIRE', key, this.#runningTtl));
    return [...steps, ...(holder === undefined ? this.orphaned(task, [], 0) : this.held(taskId, holder))];
  }

  #list(task: Named, status: TaskStatus): Steps {
    const lists = [...this.#listKeys(task, undefined), ...this.#listKeys(task, status)];
    return lists.map((list) => this.#writes.add(list, task.taskId));
  }

  #listKeys({ owner }: Named, status: TaskStatus | undefined): string[] {
    return [this.keys.list(undefined, status), this.keys.list({ owner }, status)];
  }

  /** Frees the keys that a task has only while it runs: its slot and its place in the quota. */
  #freeWhileRunning({ taskId, owner, slot }: Named): Steps {
    const { keys, commands } = this;
    const steps = this.#hasQuota ? [this.#writes.remove(keys.quota(owner), taskId)] : [];
    if (slot !== undefined) steps.push(commands.run(FREE_KEY, [keys.slot(owner, slot)], [taskId]));
    return steps;
  }

  #heldBy({ handler }: Named, holders: readonly (string | undefined)[]): string[] {
    const { keys } = this;
    const running = holders.flatMap((holder) => (holder === undefined ? [] : [keys.running(holder)]));
    return [keys.orphans(), keys.orphans(handler), ...running];
  }
}
