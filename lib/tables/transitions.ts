/** Pure functions that say what each call of the driver port does to one task. Whatever stands here holds in every table. */
import type { Batch, Claim, Claimed, Fate, Wanted } from '../distributed/port/calls.js';
import type { DriverSettings } from '../distributed/port/driver.js';
import { comparePlaces, trailingProgress } from '../distributed/port/entry.js';
import {
  newTask,
  type Draft,
  type Ending,
  type Entry,
  type Place,
  type StoredTask,
} from '../distributed/port/stored.js';
import type { Change, KeptTask } from './task-table.js';

/** The settings of the driver, and the time at which it is called. */
export interface Moment {
  readonly settings: DriverSettings;
  /** Whole ms since 1970, as this process has measured them since its start. */
  readonly now: number;
}

/** A new task. Its times are whole ms, as all times in a table. */
export function create(draft: Draft, holder: string): KeptTask {
  const task = newTask({ ...draft, createdAtMs: Math.trunc(draft.createdAtMs) }, holder);
  return { ...task, input: draft.input, keeper: holder };
}

/** The task as a driver answers it, without the texts that nobody asked for. */
export function shown(task: KeptTask, wanted: Wanted = {}): StoredTask {
  const { taskId, resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler, createdAtMs } = task;
  const { schema, status, token, holder, attempt, losses, cancel, top, dropped } = task;
  const { updatedAtMs, endedAtMs, expiresAtMs, input, outcome, progress, snapshot } = task;
  return {
    taskId,
    resumeKey,
    owner,
    idempotencyKey,
    fingerprint,
    slot,
    wire,
    handler,
    createdAtMs,
    schema,
    status,
    token,
    holder,
    attempt,
    losses,
    cancel,
    top,
    dropped,
    updatedAtMs,
    endedAtMs,
    expiresAtMs,
    ...(wanted.input && { input }),
    ...(wanted.outcome && { outcome }),
    ...(wanted.progress && { progress }),
    ...(wanted.snapshot && { snapshot }),
  };
}

export function append(task: KeptTask, batch: Batch, moment: Moment): Change<Fate> {
  const { token, entries, progress, snapshot, ending } = batch;
  if (task.token > token) return { answer: { kind: 'fenced' } };
  const added = entries.filter(({ place }) => comparePlaces(place, task.top) > 0);
  if (added.length === 0) return { answer: { kind: 'committed' } };
  if (task.status !== 'running') return { answer: { kind: 'ended' } };
  const next = grown(task, added, progress);
  const isLogOnly = progress === undefined && snapshot === undefined && ending === undefined;
  return {
    answer: { kind: 'committed' },
    task: isLogOnly ? next : { ...next, ...(snapshot && { snapshot }), ...(ending && endOf(ending, moment)) },
    entries: added,
    isLogOnly,
  };
}

export function claim(task: KeptTask, claimed: Claim, moment: Moment): Change<Claimed> {
  const { expected, instance, token, attempt, nonce, ending } = claimed;
  if (task.token === token && task.nonce === nonce) return { answer: won(task) };
  if (task.status !== 'running') return { answer: { lost: 'ended' } };
  if (!isAs(task, expected)) return { answer: { lost: 'taken' } };
  const { top, schema } = task;
  const atMs = moment.settings.clock.wallNow();
  const entries: Entry[] = [{ place: { ...top, token }, events: 0, bytes: 0, atMs, schema, text: '' }];
  if (ending !== undefined) {
    const { text, bytes } = ending;
    const place = { token, seq: top.seq + 1, bytes: top.bytes + bytes };
    entries.push({ place, events: 1, bytes, atMs, schema, text });
  }
  const held = { ...task, token, attempt, nonce, holder: instance, keeper: instance, orphan: undefined };
  const next: KeptTask = { ...grown(held, entries, task.progress), ...(ending && endOf(ending, moment)) };
  return { answer: won(next), task: next, entries };
}

export function orphan(
  task: KeptTask,
  expected: Claim['expected'],
  { delayMs, losses = task.losses }: { readonly delayMs: number; readonly losses: number | undefined },
  { now }: Moment,
): Change<boolean> {
  if (task.status !== 'running' || task.token !== expected.token) return { answer: false };
  if (task.holder === undefined) return { answer: true };
  if (!isAs(task, expected)) return { answer: false };
  const since = { sinceMs: now, dueMs: now + delayMs };
  return { answer: true, task: { ...task, holder: undefined, keeper: undefined, losses, orphan: since } };
}

/** Answers whether the task is removed. */
export function remove(task: KeptTask): Change<boolean> {
  const isUntouched = task.status === 'running' && task.token === 1 && task.top.token === 0;
  return isUntouched ? { answer: true, task: undefined } : { answer: false };
}

export function requestCancel(task: KeptTask, reason: string): Change<StoredTask | undefined> {
  if (task.status !== 'running') return { answer: undefined };
  const next = { ...task, cancel: task.cancel ?? reason };
  return { answer: shown(next), task: next };
}

/** Hands a task from one that looks after it to another. */
export function divide(task: KeptTask, from: string, to: string): Change<boolean> {
  return task.keeper === from ? { answer: true, task: { ...task, keeper: to } } : { answer: false };
}

/** Makes `keeper` agree with the holder, where either is `instance`. */
export function reindex(task: KeptTask, instance: string): Change<void> {
  const keeper = task.status === 'running' ? task.holder : undefined;
  const isConcerned = task.keeper === instance || task.holder === instance;
  return isConcerned && task.keeper !== keeper
    ? { answer: undefined, task: { ...task, keeper } }
    : { answer: undefined };
}

/** Drops the entries up to a place. */
export function drop(task: KeptTask, upTo: Place): Change<Place> {
  if (comparePlaces(upTo, task.dropped) <= 0) return { answer: task.dropped };
  return { answer: upTo, task: { ...task, dropped: upTo }, drop: upTo };
}

/**
 * Leaves the tombstone of a task whose retention is over, and nothing where that has stood long enough. Answers whether
 * the task was there until now.
 */
export function forget(task: KeptTask, { now, settings }: Moment): Change<boolean> {
  const { expires = Infinity, isForgotten = false, top } = task;
  if (expires > now) return { answer: false };
  const until = expires + settings.ttlMs;
  if (isForgotten || until <= now) return { answer: !isForgotten, task: undefined };
  const texts = { input: undefined, outcome: undefined, snapshot: undefined };
  const progress = { progress: undefined, noted: undefined };
  const names = { idempotencyKey: undefined, slot: undefined, fingerprint: undefined };
  const left = { dropped: top, expires: until, isForgotten: true } as const;
  return { answer: true, task: { ...task, ...texts, ...progress, ...names, ...left }, drop: top };
}

/** Updates a task from the last of its new entries. `noted` is its progress where they do not end with it. */
function grown(task: KeptTask, entries: readonly Entry[], noted = task.noted): KeptTask {
  const last = entries.at(-1);
  if (last === undefined) return task;
  const progress = trailingProgress(last.text) ?? noted;
  return { ...task, top: last.place, updatedAtMs: Math.trunc(last.atMs), noted, progress };
}

function endOf({ status, outcome }: Ending, { settings, now }: Moment): Partial<KeptTask> {
  const endedAtMs = Math.trunc(settings.clock.wallNow());
  const ends = { status, outcome, endedAtMs, expiresAtMs: endedAtMs + settings.ttlMs };
  return { ...ends, expires: now + settings.ttlMs, keeper: undefined, orphan: undefined };
}

const won = (task: KeptTask): Claimed => ({ won: shown(task, { input: true, progress: true }) });

const isAs = ({ token, holder }: KeptTask, expected: Claim['expected']): boolean =>
  token === expected.token && holder === expected.holder;
