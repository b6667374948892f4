/** Writes a task as one document, and names the keys of everything that belongs to it. */
import { createHash } from 'node:crypto';
import type { Ref } from '../distributed/port/calls.js';
import type { Entry, Place } from '../distributed/port/stored.js';
import type { KeptTask } from '../tables/task-table.js';

/** The document of a task. */
export interface TaskDocument extends KeptTask {
  /**
   * The entries of the last change. The next one moves them to keys of their own, before it adds others: so a change is
   * one step, and whatever stands under a key of its own is part of the log.
   */
  readonly tail: readonly Entry[];
  /** It is being created, by the attempt of this name: nobody else may see it yet. */
  readonly start?: string | undefined;
  /** The time at which that attempt began. */
  readonly begunAtMs: number;
}

/** The document under an idempotency key, a slot or a resume key. */
export interface Pointer {
  readonly taskId: string;
  /** The attempt to create the task that has taken the place. */
  readonly start: string;
}

export const TASKS = 'task/';
export const taskKey = (taskId: string): string => `${TASKS}${taskId}`;
export const entriesPrefix = (taskId: string): string => `entry/${taskId}/`;

export const entryKey = (taskId: string, { token, seq }: Pick<Place, 'token' | 'seq'>): string =>
  `${entriesPrefix(taskId)}${String(token).padStart(10, '0')}/${String(seq).padStart(10, '0')}`;

/** Returns the key of something that leads to a task beside its id. It is hashed, since owners and names may be long and hold any character. */
export function pointerKey(ref: Exclude<Ref, { readonly taskId: string }>): string {
  if ('resumeKey' in ref) return `resume/${ref.resumeKey}`;
  const [kind, name] = 'slot' in ref ? ['slot', ref.slot] : ['once', ref.idempotencyKey];
  return `${kind}/${hash([ref.owner ?? null, name])}`;
}

/** The keys of all that leads to a task, but for its id and resume key. */
export function placesOf({ owner, idempotencyKey, slot }: KeptTask): string[] {
  const keys: string[] = [];
  if (idempotencyKey !== undefined) keys.push(pointerKey({ idempotencyKey, owner }));
  if (slot !== undefined) keys.push(pointerKey({ slot, owner }));
  return keys;
}

export const quotaKey = (owner: string | undefined): string => `quota/${hash([owner ?? null])}`;

const hash = (names: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(names)).digest('hex');
