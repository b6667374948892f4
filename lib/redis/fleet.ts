/** Keeps in Redis which instances are alive and which tasks have no holder, and expires what is over. */
import { unavailable, type TaskError } from '../core/errors.js';
import type { TaskStatus } from '../core/task/status.js';
import { isTask, type OrphanQuery } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import type { Beat, InstanceState } from '../distributed/port/stored.js';
import type { Commands } from './clients/commands.js';
import * as scripts from './scripts/fleet-scripts.js';
import type { Indexes, Named } from './indexes.js';
import type { Keys } from './keys.js';
import { allDone, pairsOf, textsOf, type Reply } from './clients/replies.js';
import type { TaskReader } from './task-reader.js';
import { EXPIRE_TASK } from './scripts/task-scripts.js';

/**
 * The schema of the keys. It grows only when an older instance could not find its way any more, so not with the schema of
 * tasks and entries: that grows more often, and both versions then run side by side.
 */
const KEY_SCHEMA = 2;
/** For so long nobody else is given an expired task that one instance is clearing, in ms. */
const CLEARING_MS = 30_000;
/** The number of tasks whose indexes are renewed before the event loop and Redis get to do something else. */
const RENEWED_TOGETHER = 100;

/** The calls that concern all instances together: beats, the tasks that each holds, orphans, and expiry. */
export class Fleet {
  constructor(
    readonly commands: Commands,
    readonly keys: Keys,
    readonly indexes: Indexes,
    readonly reader: TaskReader,
    readonly settings: DriverSettings,
  ) {}

  /** Tries the client once, and finds out whether this instance can read what is stored. */
  async check(): Promise<void> {
    const answer = await this.commands.run(scripts.CHECK, [this.keys.instances], []);
    const [number, text, list, schema] = Array.isArray(answer) ? (answer as readonly Reply[]) : [];
    if (number !== '1' || text !== '1' || textsOf(list)[0] !== '1') {
      throw unavailable('The Redis client changes what scripts answer');
    }
    if (Number(schema) > KEY_SCHEMA) throw unreadable(schema);
  }

  async beat({ instance, leaseMs, schema }: Beat): Promise<readonly InstanceState[]> {
    const { keys } = this;
    const kept = [keys.instances, keys.running(instance), keys.orphans(), keys.ended];
    const numbers = [leaseMs, schema, KEY_SCHEMA, this.settings.runningTtlMs].map(String);
    const reply = await this.commands.run(scripts.BEAT, kept, [instance, ...numbers]);
    if (!Array.isArray(reply)) throw unreadable(reply); // it is the schema of the keys alone
    return pairsOf(reply).flatMap(([name, known]) => {
      const [count = 0, lease = 0, theirs = 0] = known.split(' ').map(Number);
      return name === '#schema' ? [] : [{ instance: name, leaseMs: lease, schema: theirs, count }];
    });
  }

  async removeInstance(instance: string, count: number | undefined): Promise<void> {
    await this.commands.run(scripts.REMOVE_INSTANCE, [this.keys.instances], [instance, String(count ?? '')]);
  }

  async held(instance: string, after: string | undefined, limit: number): Promise<readonly string[]> {
    const key = this.keys.running(instance);
    const min = after === undefined ? '-' : `(${after}`;
    return textsOf(await this.commands.send(key, 'ZRANGEBYLEX', key, min, '+', 'LIMIT', '0', String(limit)));
  }

  async divide(from: string, to: string, limit: number): Promise<readonly string[]> {
    const args = [String(limit), String(this.settings.runningTtlMs)];
    return textsOf(await this.commands.run(scripts.DIVIDE, [this.keys.running(from), this.keys.running(to)], args));
  }

  async reindex(instance: string, taskIds: readonly string[]): Promise<void> {
    const running = this.keys.running(instance);
    for (let from = 0; from < taskIds.length; from += RENEWED_TOGETHER) {
      const some = taskIds.slice(from, from + RENEWED_TOGETHER);
      const tasks = await this.reader.readAll(some);
      const steps = tasks.flatMap((task, index) => {
        const taskId = some[index] ?? '';
        const isHeld = task?.status === 'running' && task.holder === instance;
        const left = isHeld ? [] : [this.commands.send(running, 'ZREM', running, taskId)];
        if (!isTask(task)) return left;
        const isElsewhere = !isHeld && task.status === 'running' && task.holder !== undefined;
        if (isElsewhere) left.push(...this.indexes.claimed(task, undefined));
        return [...left, ...this.indexes.renew(task)];
      });
      await allDone(steps);
    }
  }

  async orphans(query: OrphanQuery, limit: number): Promise<readonly string[]> {
    const { keys } = this;
    const handlers = 'handlers' in query ? query.handlers : undefined;
    if (handlers?.length === 0) return [];
    const lists = handlers?.map((handler) => keys.orphans(handler)) ?? [keys.orphans()];
    const age = 'olderThanMs' in query ? query.olderThanMs : '';
    const reply = await this.commands.run(scripts.ORPHANS, lists, [String(limit), String(age)]);
    const oldestFirst = pairsOf(reply).sort(([, a], [, b]) => Number(a) - Number(b));
    return oldestFirst.slice(0, limit).map(([taskId]) => taskId);
  }

  async isDue(taskId: string, handler: string): Promise<boolean> {
    return (await this.commands.run(scripts.IS_DUE, [this.keys.orphans(handler)], [taskId])) === '1';
  }

  async expire(limit: number): Promise<{ readonly gone: readonly string[]; readonly left: number }> {
    const { commands, keys, settings } = this;
    const index = [keys.ended, keys.tombstones];
    const taken = await commands.run(scripts.TAKE_EXPIRED, index, [limit, CLEARING_MS, settings.ttlMs].map(String));
    // One that fails holds up no other, and is tried again.
    const cleared = await Promise.all(textsOf(taken).map((taskId) => this.#expireTask(taskId).catch(() => undefined)));
    const gone = cleared.flatMap((taskId) => taskId ?? []);
    const left = await commands.run(scripts.LEAVE_ENDED, index, gone);
    return { gone, left: Number(left) };
  }

  /** Undefined where it is too early by the clock of the server that has the task. */
  async #expireTask(taskId: string): Promise<string | undefined> {
    const taskKeys = this.keys.ofTask(taskId);
    const reply = await this.commands.run(EXPIRE_TASK, taskKeys, ['']);
    if (reply === 'LATER') return undefined;
    if (Array.isArray(reply)) {
      const [resumeKey = '', owner, idempotencyKey, status] = (reply as Reply[]).map((text) => text?.toString());
      const task: Named = { taskId, resumeKey, owner, idempotencyKey, slot: undefined, handler: undefined };
      await allDone(this.indexes.gone(task, status as TaskStatus, [], true));
      await this.commands.run(EXPIRE_TASK, taskKeys, ['1']);
    }
    return taskId;
  }
}

const unreadable = (schema: Reply | undefined): TaskError =>
  unavailable(`Redis holds keys of schema ${String(schema)}; this version reads those up to ${KEY_SCHEMA}`);
