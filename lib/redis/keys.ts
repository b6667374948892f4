/** Names all keys of the store. */
import { createHash } from 'node:crypto';
import type { TaskStatus } from '../core/task/status.js';

/** Hashed, because owners and keys are secrets or may hold anything. */
const hash = (...parts: (string | undefined)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);

/**
 * The names of all keys. What belongs to one task has its id as hash tag, and what belongs to the fleet has `{fleet}`, so
 * that a script can see all keys that it needs on a cluster.
 */
export class Keys {
  constructor(readonly prefix: string) {}

  /** A hash: what is known of the task. */
  task = (taskId: string): string => `${this.prefix}{${taskId}}:task`;
  /** A stream: its log, see `log-entry.ts`; also the channel that tells of new entries. */
  events = (taskId: string): string => `${this.prefix}{${taskId}}:events`;
  /**
   * All keys of a task, in the order in which the scripts take them. Behind the two above come four hashes: its long texts;
   * and of its subscribers the share of each instance, who is attached where, and where those who left were.
   */
  ofTask = (taskId: string): string[] => {
    const key = `${this.prefix}{${taskId}}:`;
    return [`${key}task`, `${key}events`, `${key}texts`, `${key}audience`, `${key}attached`, `${key}departed`];
  };

  /** A string: the task that has the resume key. */
  resumeKey = (resumeKey: string): string => `${this.prefix}resume:${resumeKey}`;
  /** A string: the task that an idempotency key has started. */
  idempotencyKey = (owner: string | undefined, key: string): string => `${this.prefix}idem:${hash(owner, key)}`;
  /** A string: the task that runs in a slot. */
  slot = (owner: string | undefined, slot: string): string => `${this.prefix}slot:${hash(owner, slot)}`;
  /** A sorted set: the running tasks of an owner; kept only where `maxTasksPerOwner` is set. */
  quota = (owner: string | undefined): string => `${this.prefix}quota:${hash(owner)}`;
  /** A sorted set: the ids of all tasks, or of an owner's, or of those with a status. They sort by time. */
  list = (of: { readonly owner: string | undefined } | undefined, status: TaskStatus | undefined): string => {
    const key = of === undefined ? `${this.prefix}list` : `${this.prefix}list:${hash(of.owner)}`;
    return status === undefined ? key : `${key}:${status}`;
  };

  /** A hash: the beats of each instance, and the schema that all keys are written by. */
  get instances(): string {
    return `${this.prefix}{fleet}:instances`;
  }
  /** A sorted set: the tasks that an instance looks after. */
  running = (instance: string): string => `${this.prefix}{fleet}:running:${instance}`;
  /** A sorted set: the tasks without a holder, by the time since when; of one handler, by the time when they are due. */
  orphans = (handler?: string): string =>
    handler === undefined ? `${this.prefix}{fleet}:orphans` : `${this.prefix}{fleet}:orphans:${hash(handler)}`;
  /** A sorted set: ended tasks by the time they expire. */
  get ended(): string {
    return `${this.prefix}{fleet}:ended`;
  }

  /** A string: stands for as long as any tombstone does. */
  get tombstones(): string {
    return `${this.prefix}{fleet}:tombstones`;
  }

  /** A channel: what others tell an instance, or all of them. */
  notifications = (instance: string | undefined): string => `${this.prefix}notes:${instance ?? 'all'}`;
  /** The task whose channel it is. */
  taskOf = (channel: string): string => channel.slice(this.prefix.length + 1, channel.lastIndexOf('}'));
}
