import type { Tombstone } from '../../../lib/core/ports.js';
import type { TaskStatus } from '../../../lib/core/task/status.js';
import type { Ref, Wanted } from '../../../lib/distributed/port/calls.js';
import { trailingProgress } from '../../../lib/distributed/port/entry.js';
import {
  START,
  type AudienceShare,
  type Draft,
  type Entry,
  type InstanceState,
  type Place,
  type StoredSnapshot,
  type StoredTask,
} from '../../../lib/distributed/port/stored.js';

const MAX_DEPARTURES = 1_000;

/** A task as it is stored. */
export interface Task {
  readonly draft: Draft;
  status: TaskStatus;
  token: number;
  holder: string | undefined;
  attempt: number;
  losses: number;
  nonce: string | undefined;
  cancel: string | undefined;
  entries: Entry[];
  /** The end of the log as it was last noted, should the log be lost. */
  top: Place;
  dropped: Place;
  progress: string | undefined;
  snapshot: StoredSnapshot | undefined;
  outcome: string | undefined;
  updatedAtMs: number;
  endedAtMs: number | undefined;
  /** By the monotonic clock. */
  expiresAt: number | undefined;
  expiresAtMs: number | undefined;
  readonly audience: Map<string, AudienceShare>;
  readonly attached: Map<string, Map<string, number>>;
  readonly departures: Map<string, number>;
}

/** Everything that is stored: plain values, so that a copy of it is an earlier state to go back to. */
export interface MapState {
  readonly tasks: Map<string, Task>;
  readonly tombstones: Map<string, Tombstone & { readonly resumeKey: string; readonly until: number }>;
  readonly beats: Map<string, InstanceState>;
  /** Resume keys, idempotency keys and slots. */
  readonly keys: Map<string, string>;
  readonly running: Map<string, Set<string>>;
  readonly orphans: Map<string, { readonly handler: string | undefined; readonly since: number; readonly due: number }>;
  readonly ended: Map<string, number>;
  readonly listed: Set<string>;
}

export const emptyState = (): MapState => ({
  tasks: new Map(),
  tombstones: new Map(),
  beats: new Map(),
  keys: new Map(),
  running: new Map(),
  orphans: new Map(),
  ended: new Map(),
  listed: new Set(),
});

const keyOf = (kind: string, owner: string | undefined, name: string): string => JSON.stringify([kind, owner, name]);

export const newTask = (draft: Draft, holder: string): Task => ({
  draft,
  status: 'running',
  token: 1,
  holder,
  attempt: 1,
  losses: 0,
  nonce: undefined,
  cancel: undefined,
  entries: [],
  top: START,
  dropped: START,
  progress: undefined,
  snapshot: undefined,
  outcome: undefined,
  updatedAtMs: draft.createdAtMs,
  endedAtMs: undefined,
  expiresAt: undefined,
  expiresAtMs: undefined,
  audience: new Map(),
  attached: new Map(),
  departures: new Map(),
});

/** The end of the log; where that is lost, what was noted of it. */
export const topOf = ({ entries, top }: Task): Place => entries.at(-1)?.place ?? top;

export function progressOf({ entries, progress }: Task): string | undefined {
  const last = entries.at(-1);
  return (last?.events ? trailingProgress(last.text) : undefined) ?? progress;
}

/** The task as the port shows it: one literal, since simulations make millions of them. */
export function storedTask(task: Task, wanted: Wanted = {}): StoredTask {
  const { draft, entries } = task;
  const top = topOf(task);
  const stored: { -readonly [K in keyof StoredTask]: StoredTask[K] } = {
    taskId: draft.taskId,
    resumeKey: draft.resumeKey,
    owner: draft.owner,
    idempotencyKey: draft.idempotencyKey,
    fingerprint: draft.fingerprint,
    slot: draft.slot,
    wire: draft.wire,
    handler: draft.handler,
    createdAtMs: draft.createdAtMs,
    schema: draft.schema,
    status: task.status,
    token: task.token,
    holder: task.holder,
    attempt: task.attempt,
    losses: task.losses,
    cancel: task.cancel,
    updatedAtMs: task.updatedAtMs,
    endedAtMs: task.endedAtMs,
    expiresAtMs: task.expiresAtMs,
    top,
    dropped: entries.length === 0 ? top : task.dropped,
  };
  if (wanted.input === true) stored.input = draft.input;
  if (wanted.outcome === true) stored.outcome = task.outcome;
  if (wanted.progress === true) stored.progress = progressOf(task);
  if (wanted.snapshot === true) stored.snapshot = task.snapshot;
  return stored;
}

/** The task that a reference leads to, whether its retention is over or not. */
export function findTask({ tasks, keys }: MapState, ref: Ref): Task | undefined {
  if ('taskId' in ref) return tasks.get(ref.taskId);
  if ('resumeKey' in ref) return tasks.get(keys.get(keyOf('resume', undefined, ref.resumeKey)) ?? '');
  if ('idempotencyKey' in ref) return tasks.get(keys.get(keyOf('once', ref.owner, ref.idempotencyKey)) ?? '');
  const occupant = tasks.get(keys.get(keyOf('slot', ref.owner, ref.slot)) ?? '');
  return occupant?.status === 'running' ? occupant : undefined;
}

export function runningOf({ running }: MapState, instance: string): Set<string> {
  const taskIds = running.get(instance) ?? new Set<string>();
  running.set(instance, taskIds);
  return taskIds;
}

/** Writes all index entries of a task, where they are missing. */
export function indexTask(state: MapState, { draft, status, holder, expiresAt }: Task, now: number): void {
  const { taskId, resumeKey, owner, idempotencyKey, slot, handler } = draft;
  state.listed.add(taskId);
  state.keys.set(keyOf('resume', undefined, resumeKey), taskId);
  if (idempotencyKey !== undefined) state.keys.set(keyOf('once', owner, idempotencyKey), taskId);
  if (status !== 'running' || holder !== undefined) state.orphans.delete(taskId);
  if (status !== 'running') {
    state.ended.set(taskId, expiresAt ?? now);
    return;
  }
  if (slot !== undefined) state.keys.set(keyOf('slot', owner, slot), taskId);
  if (holder !== undefined) runningOf(state, holder).add(taskId);
  else if (!state.orphans.has(taskId)) state.orphans.set(taskId, { handler, since: now, due: now });
}

export function unindexHolder({ running }: MapState, { draft, holder }: Task): void {
  if (holder !== undefined) running.get(holder)?.delete(draft.taskId);
}

export function forgetTask({ tasks, keys, listed, orphans, ended }: MapState, { draft }: Task): void {
  const { taskId } = draft;
  for (const index of [tasks, listed, orphans, ended]) index.delete(taskId);
  for (const [key, named] of keys) if (named === taskId) keys.delete(key);
}

/** A subscriber by name came (no position) or left. */
export function moveSubscriber(task: Task, instance: string, name: string, position: number | undefined): void {
  const shares = task.attached.get(name) ?? new Map<string, number>();
  const others = (shares.get(instance) ?? 0) + (position === undefined ? 1 : -1);
  if (others > 0) task.attached.set(name, shares.set(instance, others));
  else if (shares.delete(instance) && shares.size === 0) task.attached.delete(name);
  if (position === undefined) return;
  task.departures.delete(name);
  task.departures.set(name, position);
  const [oldest] = task.departures.keys();
  if (task.departures.size > MAX_DEPARTURES && oldest !== undefined) task.departures.delete(oldest);
}
