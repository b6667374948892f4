/** Opens the drivers of the suite, and makes the values that its tests pass to them. */
import { v4, v7 } from 'uuid';
import type { LogLimits } from '../../core/log/event-log.js';
import type { Awaitable } from '../../core/ports.js';
import type { Batch, Claim, Fate } from '../../distributed/port/calls.js';
import type { TaskDriver } from '../../distributed/port/driver.js';
import type { Suite } from '../suite.js';
import { eventLines } from '../../distributed/port/entry.js';
import {
  SCHEMA,
  type Draft,
  type Ending,
  type Entry,
  type Place,
  type StoredTask,
} from '../../distributed/port/stored.js';

/** The retention of ended tasks in these tests, in ms. */
export const TTL_MS = 60_000;

/** One store, and the drivers of two instances that share it. */
export interface OpenedDrivers {
  /** The driver of the instance `one`. */
  readonly one: TaskDriver;
  /** The driver of the instance `two`. */
  readonly two: TaskDriver;
  /** Lets so much time pass by the store's own clock. */
  readonly advance: (ms: number) => Awaitable<void>;
  /** Closes both drivers and removes the store. */
  readonly close: () => Awaitable<void>;
}

/** Limits that a test asks for; the rest of the settings is up to you. */
export interface DriverLimits {
  /** The limits of one task's log. */
  readonly limits?: LogLimits;
  /** The number of tasks that may run per owner. */
  readonly maxTasksPerOwner?: number;
}

/** Opens an empty store whose drivers are opened as the instances `one` and `two`. */
export type OpenDrivers = (limits?: DriverLimits) => Awaitable<OpenedDrivers>;

/** The tests that every driver must pass, for any test runner. */
export type DriverSuite = Suite<DriverLimits, OpenedDrivers>;

/** A task that was never there before. */
export function draft(changed: Partial<Draft> = {}): Draft {
  return {
    taskId: v7(),
    resumeKey: v4(),
    owner: undefined,
    idempotencyKey: undefined,
    fingerprint: undefined,
    slot: undefined,
    wire: undefined,
    handler: undefined,
    input: undefined,
    createdAtMs: 1_700_000_000_000,
    schema: SCHEMA,
    ...changed,
  };
}

export async function created(driver: TaskDriver, changed: Partial<Draft> = {}, holder = 'one'): Promise<StoredTask> {
  const answer = await driver.create(draft(changed), holder);
  if (!('created' in answer)) throw new Error(`Not created: ${answer.taken} is taken`);
  return answer.created;
}

/** An entry with `texts` as progress, behind a place. */
export function entryAfter({ token, seq, bytes }: Place, texts: readonly string[], writer = Math.max(token, 1)): Entry {
  const text = texts.map((json) => eventLines(undefined, json)).join('');
  const size = 10 * texts.length;
  const place = { token: writer, seq: seq + texts.length, bytes: bytes + size };
  return { place, events: texts.length, bytes: size, atMs: 1_700_000_100_000, schema: SCHEMA, text };
}

export const batchOf = (taskId: string, entries: readonly Entry[], changed: Partial<Batch> = {}): Batch => ({
  taskId,
  token: entries[0]?.place.token ?? 1,
  entries,
  progress: undefined,
  snapshot: undefined,
  ending: undefined,
  trim: false,
  touch: false,
  ...changed,
});

export async function append(driver: TaskDriver, batch: Batch): Promise<Fate> {
  const fate = await driver.append([batch])[0];
  if (fate === undefined) throw new Error('No fate for the batch');
  return fate;
}

export const DONE: Ending = { status: 'completed', outcome: '{"status":"completed"}' };

/** The entry of a terminal event, and the batch that ends the task with it. */
export function endAfter(taskId: string, place: Place, changed: Partial<Batch> = {}): Batch {
  const text = eventLines('complete', DONE.outcome);
  return batchOf(taskId, [{ ...entryAfter(place, ['x']), text }], { ending: DONE, ...changed });
}

export async function ended(driver: TaskDriver, changed: Partial<Draft> = {}): Promise<StoredTask> {
  const task = await created(driver, changed);
  await append(driver, endAfter(task.taskId, task.top));
  return task;
}

export function claimOf({ taskId, token, holder }: StoredTask, changed: Partial<Claim> = {}): Claim {
  const expected = { token, holder };
  return { taskId, expected, instance: 'two', token: token + 1, attempt: 2, nonce: v4(), ...changed };
}

/** The task, which must be there. */
export async function stored(driver: TaskDriver, taskId: string): Promise<StoredTask> {
  const wanted = { progress: true, outcome: true, input: true, snapshot: true };
  const task = await driver.read({ taskId }, wanted);
  if (task === undefined || task.status === 'expired') throw new Error('The task is gone');
  return task;
}
