import { randomUUID } from 'node:crypto';
import { TaskError, type PublicError } from '../core/errors.js';
import type {
  Creation as CreationResult,
  OpenTaskStore,
  StoreSizes,
  TaskDraft,
  TaskFeed,
  TaskFilter,
  TaskRecord,
  TaskRef,
  TaskStore,
  Takeover,
  Tombstone,
} from '../core/ports.js';
import { openPort, type IoredisLike, type NodeRedisLike } from './client-port.js';
import { readPast } from './entries.js';
import { Instance } from './instance.js';
import { listTasks } from './task-list.js';
import { CANCEL } from './scripts.js';

export interface RedisStoreOptions {
  /** A client of ioredis or node-redis, 5 or 6. It stays the caller's: the store neither opens nor closes it. */
  client: IoredisLike | NodeRedisLike;
  /** What all keys begin with. Default 'rsse:'. */
  prefix?: string;
  /**
   * How long an instance may be silent before its tasks are lost, in ms, from 200 on. Default 10_000; signs of life
   * are given every 0.3 leases.
   */
  leaseMs?: number;
}

/**
 * Keeps tasks in Redis 6.2 or newer, or what speaks its protocol, so that any number of instances serve the same
 * tasks. One store per manager. Beside the client's it opens one connection, which listens.
 * @throws TaskError `INVALID_OPTION`
 */
export function createRedisStore({ client, prefix = 'rsse:', leaseMs = 10_000 }: RedisStoreOptions): TaskStore {
  const port = openPort(client);
  if (typeof prefix !== 'string' || /[{}\s]/.test(prefix)) {
    throw new TaskError('INVALID_OPTION', 'Expected prefix to be text without braces and spaces');
  }
  if (!Number.isSafeInteger(leaseMs) || leaseMs < 200 || leaseMs > 3_600_000) {
    throw new TaskError('INVALID_OPTION', `Expected leaseMs to be a whole number from 200 to 3600000, got ${leaseMs}`);
  }
  let opened = false;
  return (settings) => {
    if (opened) throw new TaskError('INVALID_OPTION', 'A Redis store belongs to one manager');
    opened = true;
    return new RedisStore(new Instance(port, prefix, leaseMs, randomUUID(), settings));
  };
}

/** What can be a hash tag. */
const isTaskId = (text: string): boolean => /^[\w-]{1,64}$/.test(text);

class RedisStore implements OpenTaskStore {
  readonly shared = true;

  constructor(readonly instance: Instance) {}

  async create(draft: TaskDraft): Promise<CreationResult> {
    const { creation, holdings, membership } = this.instance;
    if (draft.slot !== undefined) throw new TaskError('STORE_UNAVAILABLE', 'This store has no slots');
    this.instance.listen();
    await membership.beat(); // before it has a task: nobody misses an instance that was never there
    return holdings.expecting(draft.taskId, async () => {
      const entry = await creation.enter(draft);
      if ('existing' in entry) return { created: false, taken: 'idempotencyKey', record: entry.existing };
      return { created: true, writer: holdings.hold(entry.created) };
    });
  }

  async find(ref: TaskRef): Promise<TaskRecord | Tombstone | undefined> {
    const taskId = await this.#resolve(ref);
    if (taskId === undefined || !isTaskId(taskId)) return undefined;
    const found = await this.instance.mirrors.read(taskId);
    return 'idempotencyKey' in ref && found?.status === 'expired' ? undefined : found; // then the key is free
  }

  list(filter: TaskFilter): Promise<readonly TaskRecord[]> {
    return listTasks(this.instance.context, filter, (taskId) => this.instance.mirrors.read(taskId));
  }

  async open(taskId: string): Promise<TaskFeed | undefined> {
    if (!isTaskId(taskId)) return undefined;
    this.instance.listen();
    return this.instance.mirrors.open(taskId);
  }

  async departedAt(taskId: string, subscriberId: string): Promise<number | undefined> {
    if (!isTaskId(taskId)) return undefined;
    return this.instance.audience.departedAt(taskId, subscriberId);
  }

  async requestCancel(taskId: string, reason: PublicError): Promise<boolean> {
    const { context, holdings, inbox, membership } = this.instance;
    const { keys, commands } = context;
    if (!isTaskId(taskId)) return false;
    const reply = await commands.run(CANCEL, [keys.task(taskId)], [JSON.stringify(reason)]);
    if (!Array.isArray(reply)) return false;
    const [holder = '', released] = reply as string[];
    const writer = holdings.get(taskId);
    if (writer !== undefined) writer.executor.cancelRequested(reason);
    else if (released === '1' || membership.isDead(holder)) await this.instance.cancelOrphan(taskId, reason);
    else await inbox.send(holder, { kind: 'cancel', taskId, reason });
    return true;
  }

  async claim(taskId: string, folds: boolean): Promise<Takeover | undefined> {
    const { context, holdings, mirrors, membership } = this.instance;
    const record = isTaskId(taskId) ? await mirrors.read(taskId) : undefined;
    if (record?.status === 'expired' || record?.orphaned !== true) return undefined;
    this.instance.listen();
    await membership.beat();
    return holdings.expecting(taskId, async () => {
      const claimed = await holdings.claim(record, 1);
      if (claimed === undefined) return undefined;
      const past = folds ? await readPast(context, claimed.record).catch(() => undefined) : undefined;
      const writer = holdings.hold(claimed.record);
      const { cancel } = claimed;
      if (cancel !== undefined) setImmediate(() => writer.executor.cancelRequested(cancel));
      return { writer, past, input: claimed.input };
    });
  }

  sweep(): Promise<boolean> {
    return this.instance.sweep();
  }

  sizes(): StoreSizes {
    return this.instance.mirrors.sizes;
  }

  stop(): Promise<void> {
    return this.instance.stop();
  }

  async #resolve(ref: TaskRef): Promise<string | undefined> {
    if ('taskId' in ref) return ref.taskId;
    if ('slot' in ref) return undefined;
    const { keys, commands } = this.instance.context;
    const key = 'resumeKey' in ref ? keys.resumeKey(ref.resumeKey) : keys.idempotencyKey(ref.owner, ref.idempotencyKey);
    const taskId = await commands.send(key, 'GET', key);
    return typeof taskId === 'string' ? taskId : undefined;
  }
}
