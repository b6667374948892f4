import { createHash } from 'node:crypto';
import type { Ref, Wanted } from '../distributed/port/calls.js';
import { comparePlaces } from '../distributed/port/entry.js';
import { START, type Draft, type Entry, type Place, type StoredTask } from '../distributed/port/stored.js';

/** A task as one document, its log apart from its entries, and the keys of everything that belongs to it. */

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

export interface TaskDocument extends Mutable<Omit<StoredTask, 'holder' | 'cancel'>> {
  holder?: string | undefined;
  cancel?: string | undefined;
  /** The progress that ends the log; `progress` is what was noted before, for when something else ends it. */
  lastProgress?: string | undefined;
  /** The places at which the logs of earlier tokens ended. Anything that an old holder wrote beyond is no part of the log. */
  ends: readonly (readonly [token: number, seq: number])[];
  /** The entries that claims have written. They stand here so that a claim is one step. */
  marks: readonly Entry[];
  /** The instance whose index names it. */
  keeper?: string | undefined;
  nonce?: string | undefined;
  orphan?: { readonly sinceMs: number; readonly dueMs: number } | undefined;
  /** The end of its retention, by the clock of the driver. */
  expires?: number | undefined;
  /** It is being created, by the attempt of this name: nobody else may see it yet. */
  start?: string | undefined;
  /** The time at which that attempt began, by the clock of the driver. */
  begunAtMs: number;
}

export function documentOf(draft: Draft, holder: string, start: string, begunAtMs: number): TaskDocument {
  return {
    ...{ ...draft, status: 'running', token: 1, attempt: 1, holder, keeper: holder, start, begunAtMs },
    ...{ top: START, dropped: START, ends: [], marks: [], updatedAtMs: draft.createdAtMs },
    ...{ endedAtMs: undefined, expiresAtMs: undefined },
  };
}

/** The task as a driver answers it, without the texts that nobody asked for. */
export function shown(document: TaskDocument, wanted: Wanted = {}): StoredTask {
  const { taskId, resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler, createdAtMs } = document;
  const { schema, status, token, holder, attempt, cancel, top, dropped } = document;
  const { updatedAtMs, endedAtMs, expiresAtMs, input, outcome, snapshot } = document;
  return {
    ...{ taskId, resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler, createdAtMs },
    ...{ schema, status, token, holder, attempt, cancel, top, dropped, updatedAtMs, endedAtMs, expiresAtMs },
    ...(wanted.input && { input }),
    ...(wanted.outcome && { outcome }),
    ...(wanted.progress && { progress: document.lastProgress ?? document.progress }),
    ...(wanted.snapshot && { snapshot }),
  };
}

/** Whether `ref` leads to the task. What is stored under a key is only a hint: the task itself says what it is of. */
export function leadsTo(ref: Ref, task: TaskDocument): boolean {
  if ('taskId' in ref) return task.taskId === ref.taskId;
  if ('resumeKey' in ref) return task.resumeKey === ref.resumeKey;
  if (task.owner !== ref.owner) return false;
  if ('slot' in ref) return task.slot === ref.slot && task.status === 'running';
  return task.idempotencyKey === ref.idempotencyKey;
}

/** Whether an entry that is stored at `place` is part of the log. */
export function isInLog({ top, dropped, ends }: TaskDocument, place: Place): boolean {
  const end = place.token === top.token ? top.seq : (ends.find(([token]) => token === place.token)?.[1] ?? -1);
  return place.seq <= end && comparePlaces(place, dropped) > 0;
}

export const TASKS = 'task/';
export const taskKey = (taskId: string): string => `${TASKS}${taskId}`;
export const TOMBSTONES = 'tombstone/';
export const tombstoneKey = (taskId: string): string => `${TOMBSTONES}${taskId}`;
export const audienceKey = (taskId: string): string => `audience/${taskId}`;
export const entriesPrefix = (taskId: string): string => `entry/${taskId}/`;

export const entryKey = (taskId: string, { token, seq }: Pick<Place, 'token' | 'seq'>): string =>
  `${entriesPrefix(taskId)}${String(token).padStart(10, '0')}/${String(seq).padStart(10, '0')}`;

/** Returns the key of something that leads to a task beside its id. It is hashed, since owners and names may be long and hold any character. */
export function pointerKey(ref: Exclude<Ref, { readonly taskId: string }>): string {
  if ('resumeKey' in ref) return `resume/${ref.resumeKey}`;
  const [kind, name] = 'slot' in ref ? ['slot', ref.slot] : ['once', ref.idempotencyKey];
  return `${kind}/${hash([ref.owner ?? null, name])}`;
}

export const quotaKey = (owner: string | undefined): string => `quota/${hash([owner ?? null])}`;

const hash = (names: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(names)).digest('hex');
