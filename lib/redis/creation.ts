import { TaskError } from '../core/errors.js';
import type { TaskDraft, TaskRecord } from '../core/ports.js';
import type { Context } from './context.js';
import type { RedisRecord } from './record.js';
import { CREATE, ENTER_ONCE, ENTER_QUOTA, LEAVE_ONCE } from './scripts.js';

/** What became of a draft: it is a task now, or another task has its idempotency key. */
export type Entry = { readonly created: RedisRecord } | { readonly existing: TaskRecord };

/** How often a key that belongs to a task which is gone is tried to take over. */
const TRIES = 5;

/**
 * Creates tasks. The keys of one task and the indexes may live on different nodes, so no script sees them all; they
 * are written in an order, and undone in the opposite one, that lets nobody find what is not there: first the note
 * that this instance runs the task, then the task, then what leads to it.
 */
export class Creation {
  /** Tasks that were given up while the store did not answer: they may exist or come into being yet. */
  readonly #doomed = new Map<string, TaskDraft>();

  constructor(
    readonly context: Context,
    readonly read: (taskId: string) => Promise<TaskRecord | { readonly status: 'expired' } | undefined>,
  ) {}

  /** @throws TaskError `TOO_MANY_TASKS`, `STORE_UNAVAILABLE` */
  async enter(draft: TaskDraft): Promise<Entry> {
    try {
      return await this.#enter(draft);
    } catch (error) {
      // Who was refused has neither a place in the quota nor the key: what others have under it is theirs.
      const refused = error instanceof TaskError && error.code === 'TOO_MANY_TASKS';
      this.#doomed.set(draft.taskId, refused ? { ...draft, idempotencyKey: undefined } : draft);
      void this.undoAll();
      throw error;
    }
  }

  /** Undoes what could not be undone before. */
  async undoAll(): Promise<void> {
    for (const draft of [...this.#doomed.values()]) {
      try {
        await this.#undo(draft);
        this.#doomed.delete(draft.taskId);
      } catch {
        return; // the next time, then
      }
    }
  }

  async #enter(draft: TaskDraft): Promise<Entry> {
    const { context } = this;
    const { keys, commands, instance, runningTtlMs } = context;
    const { taskId, resumeKey, owner } = draft;
    const repeated = await this.#findOnce(draft);
    if (repeated !== undefined) return { existing: repeated };
    const ttl = String(runningTtlMs);
    const record = this.#recordOf(draft);
    const key = keys.resumeKey(resumeKey);
    const running = keys.running(instance);
    const steps: Promise<unknown>[] = [
      commands.send(running, 'SADD', running, taskId),
      commands.send(running, 'PEXPIRE', running, ttl),
      commands.runInOrder(
        CREATE,
        [keys.task(taskId)],
        [ttl, ...fieldsOf(record), ...(draft.input === undefined ? [] : ['input', draft.input])],
      ),
      commands.send(key, 'SET', key, taskId, 'PX', ttl),
    ];
    await all(steps);
    // Before anybody can find it: a start that is refused leads nobody to its task.
    if ((await this.#enterQuota(draft, record)) === 0) {
      throw new TaskError('TOO_MANY_TASKS', 'Too many of your tasks are running');
    }
    const existing = await this.#enterOnce(draft);
    if (existing !== undefined) {
      await this.#undo(draft);
      return { existing };
    }
    const lists = owner === undefined ? [keys.list(undefined)] : [keys.list(undefined), keys.list(owner)];
    await all(
      lists.flatMap((list) => [
        commands.send(list, 'ZADD', list, '0', taskId),
        commands.send(list, 'PEXPIRE', list, ttl),
      ]),
    );
    return { created: record };
  }

  #enterQuota({ owner }: TaskDraft, record: RedisRecord): Promise<unknown> {
    const { keys, commands, settings, runningTtlMs } = this.context;
    if (settings.maxTasksPerOwner === Infinity) return Promise.resolve(1);
    const args = [quotaPlaceOf(record), String(settings.maxTasksPerOwner), String(runningTtlMs)];
    return commands.runInOrder(ENTER_QUOTA, [keys.quota(owner)], args);
  }

  /** Unless a repeated start that runs has the same place. */
  async #leaveQuota({ taskId, owner, idempotencyKey }: TaskDraft): Promise<void> {
    const { keys, commands } = this.context;
    const once = idempotencyKey === undefined ? undefined : keys.idempotencyKey(owner, idempotencyKey);
    const other = once === undefined ? null : await commands.send(once, 'GET', once);
    if (typeof other === 'string' && (await this.read(other))?.status === 'running') return;
    const quota = keys.quota(owner);
    await commands.send(quota, 'SREM', quota, quotaPlaceOf({ taskId, once }));
  }

  /** The task that has the idempotency key already. */
  async #findOnce({ owner, idempotencyKey }: TaskDraft): Promise<TaskRecord | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const key = this.context.keys.idempotencyKey(owner, idempotencyKey);
    const taskId = await this.context.commands.send(key, 'GET', key);
    const record = typeof taskId === 'string' ? await this.read(taskId) : undefined;
    return record?.status === 'expired' ? undefined : record;
  }

  /** The same, and where there is none the key is taken for this task. */
  async #enterOnce({ taskId, owner, idempotencyKey }: TaskDraft): Promise<TaskRecord | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const { keys, commands, runningTtlMs } = this.context;
    const key = keys.idempotencyKey(owner, idempotencyKey);
    let gone = '';
    for (let tries = 0; tries < TRIES; tries++) {
      const winner = String(await commands.run(ENTER_ONCE, [key], [taskId, String(runningTtlMs), gone]));
      if (winner === taskId) return undefined;
      const record = await this.read(winner);
      if (record !== undefined && record.status !== 'expired') return record;
      gone = winner; // its retention is over, or it was undone: the key is free
    }
    throw new TaskError('STORE_UNAVAILABLE', 'The idempotency key changes hands too fast');
  }

  async #undo(draft: TaskDraft): Promise<void> {
    const { taskId, resumeKey, owner, idempotencyKey } = draft;
    const { keys, commands, instance } = this.context;
    const key = keys.resumeKey(resumeKey);
    const running = keys.running(instance);
    const list = keys.list(undefined);
    const owned = keys.list(owner);
    const steps = [commands.send(list, 'ZREM', list, taskId), commands.send(owned, 'ZREM', owned, taskId)];
    if (idempotencyKey !== undefined) {
      steps.push(commands.run(LEAVE_ONCE, [keys.idempotencyKey(owner, idempotencyKey)], [taskId]));
    }
    steps.push(commands.send(key, 'DEL', key), this.#leaveQuota(draft));
    steps.push(commands.send(keys.task(taskId), 'DEL', ...keys.ofTask(taskId)));
    steps.push(commands.send(running, 'SREM', running, taskId));
    await all(steps);
  }

  #recordOf({ taskId, resumeKey, owner, idempotencyKey, fingerprint, wire, slot, handler }: TaskDraft): RedisRecord {
    const now = this.context.settings.clock.wallNow();
    const once = idempotencyKey === undefined ? undefined : this.context.keys.idempotencyKey(owner, idempotencyKey);
    return {
      ...{ taskId, resumeKey, owner, fingerprint, wire, slot, handler, status: 'running', attempt: 1, epoch: 1 },
      ...{ createdAtMs: now, updatedAtMs: now, endedAtMs: undefined, expiresAtMs: undefined },
      ...{ lastSeq: 0, firstKeptSeq: 1, bufferedEvents: 0, bufferedBytes: 0, subscribers: 0 },
      ...{ progress: undefined, outcome: undefined, token: '1', holder: this.context.instance, orphaned: false, once },
      wireBytes: 0,
    };
  }
}

/** What a task takes in the quota of its owner: the same for all starts with one idempotency key. */
export const quotaPlaceOf = ({ taskId, once }: Pick<RedisRecord, 'taskId' | 'once'>): string => once ?? taskId;

/** Waits for all of them, so that none fails unseen, and then for the first that failed. */
async function all(steps: readonly Promise<unknown>[]): Promise<unknown[]> {
  await Promise.allSettled(steps);
  return Promise.all(steps);
}

function fieldsOf({ resumeKey, holder, token, createdAtMs, ...record }: RedisRecord): string[] {
  const fields = [
    'key',
    resumeKey,
    'status',
    'running',
    'attempt',
    '1',
    'token',
    token,
    'holder',
    holder,
    'released',
    '',
  ];
  fields.push('created', String(createdAtMs));
  for (const name of ['owner', 'fingerprint', 'once', 'wire', 'slot', 'handler'] as const) {
    const value = record[name];
    if (value !== undefined) fields.push(name, value);
  }
  return fields;
}
