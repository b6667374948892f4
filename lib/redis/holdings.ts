import { TaskError, type PublicError } from '../core/errors.js';
import type { Executor, Tombstone } from '../core/ports.js';
import type { FinalStatus } from '../core/status.js';
import type { Batch } from './batch.js';
import type { Context } from './context.js';
import { quotaPlaceOf } from './creation.js';
import type { Mirror } from './mirror.js';
import type { Mirrors } from './mirrors.js';
import type { RedisRecord } from './record.js';
import { RedisWriter } from './redis-writer.js';
import type { WriterOwner } from './writer-owner.js';
import { CLAIM, RETIRE } from './scripts.js';

const nothing = (): void => undefined;
/** So many tasks that run here are asked after per tick. */
const VERIFIED_PER_TICK = 100;
export const NOBODY: Executor = {
  cancelRequested: nothing,
  audienceChanged: nothing,
  fenced: nothing,
  snapshotJson: () => undefined,
};

/** The tasks that this instance may write to. */
export class Holdings implements WriterOwner<RedisWriter> {
  readonly #writers = new Map<string, RedisWriter>();
  /** Being created: noted in Redis as running here, though nothing runs yet. */
  readonly #expected = new Set<string>();
  #touchedMs = -Infinity;
  #turn: Iterator<RedisWriter> = this.#writers.values();

  constructor(
    readonly context: Context,
    readonly mirrors: Mirrors,
  ) {}

  get(taskId: string): RedisWriter | undefined {
    return this.#writers.get(taskId);
  }

  get size(): number {
    return this.#writers.size;
  }

  /** Runs `create` while what it notes in Redis is not mistaken for the task of a run that is over. */
  async expecting<T>(taskId: string, create: () => Promise<T>): Promise<T> {
    this.#expected.add(taskId);
    try {
      return await create();
    } finally {
      this.#expected.delete(taskId);
    }
  }

  /** From now on the task is written here; its copy goes on from what the writer appends. */
  hold(record: RedisRecord): RedisWriter {
    const writer = new RedisWriter(this.context, record, NOBODY, this);
    this.#writers.set(record.taskId, writer);
    const mirror = this.mirrors.get(record.taskId) ?? (record.lastSeq === 0 ? this.mirrors.add(record, 0) : undefined);
    if (mirror !== undefined) this.attach(mirror);
    return writer;
  }

  /** A copy of a task that runs here gets what the writer appends. */
  attach(mirror: Mirror): void {
    const writer = this.#writers.get(mirror.taskId);
    if (writer === undefined) return;
    mirror.writer = writer;
    mirror.holder = writer.record.holder;
  }

  subscribersOf({ taskId }: RedisWriter): number {
    return this.mirrors.get(taskId)?.record.subscribers ?? 0;
  }

  begun(writer: RedisWriter): void {
    const subscribers = this.subscribersOf(writer);
    if (subscribers > 0) writer.executor.audienceChanged(subscribers);
  }

  committed({ taskId }: RedisWriter, batch: Batch): void {
    const mirror = this.mirrors.get(taskId);
    // What it cannot take over, because an attempt before this one wrote more than was read, it reads.
    if (mirror?.acceptAll(batch) === false) mirror.fetch().catch(nothing);
  }

  closed(writer: RedisWriter): void {
    const { taskId, record } = writer;
    if (this.#writers.get(taskId) !== writer) return;
    this.#writers.delete(taskId);
    const mirror = this.mirrors.get(taskId);
    mirror?.detach();
    writer.executor = NOBODY;
    if (record.status === 'running') this.mirrors.follow(taskId);
    this.strike(taskId, record, this.context.instance).catch(nothing); // what stays behind is found by `reconcile`
  }

  /** Takes the task from `record.holder`; undefined where somebody else was faster. */
  async claim(
    record: RedisRecord,
    attempts: number,
  ): Promise<{ record: RedisRecord; input: string | undefined; cancel: PublicError | undefined } | undefined> {
    const { keys, commands, instance, runningTtlMs } = this.context;
    const running = keys.running(instance);
    const args = [record.token, instance, String(attempts)];
    const [, , reply] = await Promise.all([
      commands.send(running, 'SADD', running, record.taskId),
      commands.send(running, 'PEXPIRE', running, String(runningTtlMs)),
      commands.run(CLAIM, [keys.task(record.taskId), keys.events(record.taskId)], args),
    ]);
    if (!Array.isArray(reply)) {
      await commands.send(running, 'SREM', running, record.taskId);
      return undefined;
    }
    const [, cancel, input] = reply as [number, string, string | null];
    const before = keys.running(record.holder);
    await commands.send(before, 'SREM', before, record.taskId);
    const claimed = await this.mirrors.read(record.taskId); // up to its claim the old holder may have appended more
    if (claimed === undefined || claimed.status === 'expired') return undefined;
    // A log that was restored from an older copy may end before what was read of it: no seq is given away twice.
    const lastSeq = Math.max(claimed.lastSeq, this.mirrors.get(record.taskId)?.log.lastSeq ?? 0);
    return {
      record: { ...claimed, lastSeq },
      input: input ?? undefined,
      cancel: cancel === '' ? undefined : (JSON.parse(cancel) as PublicError),
    };
  }

  /** Ends a task whose instance is gone. */
  async lose(record: RedisRecord): Promise<void> {
    const error = { code: 'TASK_LOST', message: 'The instance that ran the task is gone' };
    await this.end(record, 'failed', JSON.stringify({ task_id: record.taskId, status: 'failed', error }));
  }

  /** Ends a task that nobody runs, unless somebody else is faster. */
  async end(record: RedisRecord, status: FinalStatus, json: string): Promise<void> {
    const claimed = await this.expecting(record.taskId, () => this.claim(record, 0));
    if (claimed === undefined) return;
    await this.hold(claimed.record).finish(status, json);
  }

  /** Keeps what runs but writes nothing from expiring. */
  async touch(): Promise<void> {
    const { keys, commands, settings, runningTtlMs, instance } = this.context;
    const now = settings.clock.now();
    if (now - this.#touchedMs < runningTtlMs / 4) return;
    this.#touchedMs = now;
    const ttl = String(runningTtlMs);
    const expire = (key: string): Promise<unknown> => commands.send(key, 'PEXPIRE', key, ttl);
    const touched = [keys.running(instance), keys.followed(instance), keys.list(undefined)];
    for (const { record } of this.#writers.values()) {
      touched.push(...keys.ofTask(record.taskId), keys.resumeKey(record.resumeKey), keys.quota(record.owner));
      if (record.owner !== undefined) touched.push(keys.list(record.owner));
      if (record.once !== undefined) touched.push(record.once);
    }
    await Promise.all(touched.map(expire));
  }

  /** This instance was taken for dead, or Redis was wiped: which tasks are still ours? */
  async verifyAll(): Promise<void> {
    const { keys, commands, instance, runningTtlMs } = this.context;
    const running = keys.running(instance);
    await Promise.all(
      [...this.#writers.values()].map(async (writer) => {
        if (await this.#verify(writer)) await commands.send(running, 'SADD', running, writer.taskId);
      }),
    );
    await commands.send(running, 'PEXPIRE', running, String(runningTtlMs));
  }

  /** Asks after some tasks in turn: a plain append does not see that everything but the stream is lost. */
  async verifySome(): Promise<void> {
    const due: Promise<unknown>[] = [];
    while (due.length < Math.min(this.#writers.size, VERIFIED_PER_TICK)) {
      let next = this.#turn.next();
      if (next.done) next = (this.#turn = this.#writers.values()).next();
      if (next.done) break;
      due.push(this.#verify(next.value));
    }
    await Promise.all(due);
  }

  async #verify(writer: RedisWriter): Promise<boolean> {
    const key = this.context.keys.task(writer.taskId);
    const token = await this.context.commands.send(key, 'HGET', key, 'token');
    if (this.#writers.get(writer.taskId) !== writer) return false;
    if (token === writer.record.token) return true;
    if (token === null) {
      writer.void(new TaskError('TASK_LOST', 'The store has lost the task'));
      this.mirrors.discard(writer.taskId);
    } else writer.void(new TaskError('FENCED', 'Another instance has taken the task over'));
    return false;
  }

  /** Ends what Redis says runs here and does not: what a run or a claim has left behind when Redis failed. */
  async reconcile(): Promise<void> {
    const { keys, commands, instance } = this.context;
    const running = keys.running(instance);
    const taskIds = (await commands.send(running, 'SMEMBERS', running)) as string[];
    for (const taskId of taskIds) {
      if (this.#writers.has(taskId) || this.#expected.has(taskId)) continue;
      const record = await this.mirrors.read(taskId);
      if (this.#writers.has(taskId) || this.#expected.has(taskId)) continue;
      if (record?.status === 'running' && record.holder === instance && !record.orphaned) await this.lose(record);
      else await this.strike(taskId, record, instance);
    }
  }

  /**
   * Takes a task that does not run there off the list of `instance`: last of all, because as long as it is on a list
   * somebody comes back for what could not be done.
   */
  async strike(taskId: string, record: RedisRecord | Tombstone | undefined, instance: string): Promise<void> {
    const { keys, commands, settings } = this.context;
    if (record !== undefined && record.status !== 'running' && record.status !== 'expired') {
      const quota = keys.quota(record.owner);
      await Promise.all([
        commands.send(quota, 'SREM', quota, quotaPlaceOf(record)),
        commands.runInOrder(RETIRE, [keys.expiring], [taskId, String(settings.ttlMs)]),
      ]);
    }
    const running = keys.running(instance);
    await commands.send(running, 'SREM', running, taskId);
  }
}
