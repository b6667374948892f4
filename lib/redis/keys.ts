import { createHash } from 'node:crypto';

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** The names of all keys. What belongs to one task has its hash tag, so that scripts work on a cluster. */
export class Keys {
  constructor(readonly prefix: string) {}

  /** A hash: what is known of the task beside its events. */
  task = (taskId: string): string => `${this.prefix}{${taskId}}:t`;
  /** A stream: its events, see `entry.ts`; also the channel that tells of new ones. */
  events = (taskId: string): string => `${this.prefix}{${taskId}}:e`;
  /** A hash: how many subscribers each instance has. */
  subscribers = (taskId: string): string => `${this.prefix}{${taskId}}:s`;
  /** A hash: which subscribers by name are attached to which instance. */
  attached = (taskId: string): string => `${this.prefix}{${taskId}}:a`;
  /** A hash: where subscribers by name left off. */
  departed = (taskId: string): string => `${this.prefix}{${taskId}}:d`;
  ofTask = (taskId: string): string[] =>
    [this.task, this.events, this.subscribers, this.attached, this.departed].map((key) => key(taskId));

  /** A string: the task that has the resume key. */
  resumeKey = (resumeKey: string): string => `${this.prefix}key:${resumeKey}`;
  /** A string: the task that an idempotency key has started. */
  idempotencyKey = (owner: string | undefined, idempotencyKey: string): string =>
    `${this.prefix}once:${hash(JSON.stringify([owner, idempotencyKey]))}`;
  /** A sorted set: task ids, which sort by time. Without an owner: all tasks. */
  list = (owner: string | undefined): string =>
    owner === undefined ? `${this.prefix}list` : `${this.prefix}list:${hash(owner)}`;
  /** A set: the running tasks of an owner; kept only where `maxTasksPerOwner` is set. */
  quota = (owner: string | undefined): string => `${this.prefix}quota:${hash(JSON.stringify([owner]))}`;
  /** A sorted set: ended tasks by the time they expire. */
  get expiring(): string {
    return `${this.prefix}expiring`;
  }

  /** A hash: a count per instance that grows while it lives. */
  get beats(): string {
    return `${this.prefix}beats`;
  }
  /** A set: the tasks that the instance runs. */
  running = (instance: string): string => `${this.prefix}runs:${instance}`;
  /** A set: the tasks that the instance has subscribers of. */
  followed = (instance: string): string => `${this.prefix}follows:${instance}`;
  /** A list: what other instances have to tell the instance; also the channel that says so. */
  inbox = (instance: string): string => `${this.prefix}inbox:${instance}`;
}
