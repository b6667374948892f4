import type { Tombstone } from '../core/ports.js';
import type { Ref, Wanted } from '../distributed/port/calls.js';
import { trailingProgress } from '../distributed/port/entry.js';
import { START, type Place, type StoredTask, type TaskState } from '../distributed/port/stored.js';
import type { Connection, SqlValue } from './connection.js';

/** Tasks as the tables hold them: how they are found, and what their rows mean. */

type Nullable<T> = { readonly [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K] };
type Times = 'createdAtMs' | 'updatedAtMs' | 'endedAtMs' | 'expiresAtMs';

/** The columns that are read of a task before anything is done to it. */
export interface StateRow extends Nullable<Omit<TaskState, 'top'>> {
  readonly id: number;
  readonly nonce: string | null;
  /** The end of its log; null where nothing was ever appended. */
  readonly topToken: number | null;
  readonly topSeq: number | null;
  readonly topTotal: number | null;
  readonly droppedToken: number;
  readonly droppedSeq: number;
  readonly droppedTotal: number;
}

interface TaskRow extends StateRow, Nullable<Omit<StoredTask, keyof TaskState | 'dropped' | 'snapshot' | Times>> {
  readonly createdAt: number;
  readonly updatedAt: number | null;
  readonly endedAt: number | null;
  readonly expiresAt: number | null;
  readonly snapshotSeq: number | null;
  readonly snapshot: string | null;
  readonly lastText?: string | null;
}

const STATE = `t.id, t.taskId, t.status, t.token, t.holder, t.attempt, t.nonce, t.cancel, t.schema, t.droppedToken,
  t.droppedSeq, t.droppedTotal, e.token AS topToken, e.seq AS topSeq, e.total AS topTotal`;
const DETAILS = `t.resumeKey, t.owner, t.idempotencyKey, t.fingerprint, t.slot, t.wire, t.handler, t.createdAt,
  e.at AS updatedAt, t.endedAt, t.expiresAt`;

/** Every task with the last entry of its log. */
const TASKS = `{tasks} t LEFT JOIN {entries} e
  ON e.id = (SELECT id FROM {entries} WHERE task = t.id ORDER BY token DESC, seq DESC LIMIT 1)`;

/** Whether a task's retention is not over. Binds the time. */
export const KEPT = '(t.expires IS NULL OR t.expires > ?)';

const FIND_STATE = `SELECT ${STATE} FROM ${TASKS} WHERE t.taskId = ? AND ${KEPT}`;

/** A task that is kept. */
export const findState = (connection: Connection, taskId: string, now: number): StateRow | undefined =>
  connection.get(FIND_STATE, taskId, now) as StateRow | undefined;

/** Tasks for which `condition` holds; it may go on with an order and a limit. */
export function findTasks(
  connection: Connection,
  condition: string,
  values: readonly SqlValue[],
  wanted: Wanted = {},
): StoredTask[] {
  const texts = [
    wanted.input ? 't.input' : 'NULL AS input',
    wanted.outcome ? 't.outcome' : 'NULL AS outcome',
    wanted.snapshot ? 't.snapshotSeq, t.snapshot' : 'NULL AS snapshotSeq',
    wanted.progress ? 't.progress, CASE WHEN e.events > 0 THEN e.text END AS lastText' : 'NULL AS progress',
  ];
  const sql = `SELECT ${STATE}, ${DETAILS}, ${texts.join(', ')} FROM ${TASKS} WHERE ${condition}`;
  return (connection.all(sql, ...values) as TaskRow[]).map((row) => taskOf(row, wanted));
}

/** The task that a reference leads to, as a condition and what it binds. */
export function conditionOf(ref: Ref): { readonly condition: string; readonly values: readonly SqlValue[] } {
  if ('taskId' in ref) return { condition: 't.taskId = ?', values: [ref.taskId] };
  if ('resumeKey' in ref) return { condition: 't.resumeKey = ?', values: [ref.resumeKey] };
  if ('idempotencyKey' in ref)
    return { condition: 't.idempotencyKey = ? AND t.owner IS ?', values: [ref.idempotencyKey, ref.owner] };
  return { condition: `t.slot = ? AND t.owner IS ? AND t.status = 'running'`, values: [ref.slot, ref.owner] };
}

/** Returns the tombstone of a task whose retention is over, whether or not the sweep has come by. */
export function findTombstone(connection: Connection, ref: Ref, now: number): Tombstone | undefined {
  if (!('taskId' in ref || 'resumeKey' in ref)) return undefined;
  const [column, id] = 'taskId' in ref ? ['taskId', ref.taskId] : ['resumeKey', ref.resumeKey];
  const sql = `SELECT owner FROM {tasks} WHERE ${column} = ? AND expires <= ?
    UNION ALL SELECT owner FROM {tombstones} WHERE ${column} = ? AND until > ?`;
  const row = connection.get(sql, id, now, id, now) as { owner: string | null } | undefined;
  return row && { status: 'expired', owner: row.owner ?? undefined };
}

export const topOf = ({ topToken, topSeq, topTotal }: StateRow): Place =>
  topToken === null ? START : { token: topToken, seq: topSeq ?? 0, bytes: topTotal ?? 0 };

export function droppedOf({ droppedToken, droppedSeq, droppedTotal }: StateRow): Place {
  return { token: droppedToken, seq: droppedSeq, bytes: droppedTotal };
}

export function stateOf(row: StateRow): TaskState {
  const { taskId, status, token, attempt, schema, holder, cancel } = row;
  return {
    ...{ taskId, status, token, attempt, schema },
    holder: holder ?? undefined,
    cancel: cancel ?? undefined,
    top: topOf(row),
  };
}

function taskOf(row: TaskRow, wanted: Wanted): StoredTask {
  const { snapshotSeq: seq, snapshot: json, lastText } = row;
  const trailing = typeof lastText === 'string' ? trailingProgress(lastText) : undefined;
  return {
    ...stateOf(row),
    resumeKey: row.resumeKey,
    owner: row.owner ?? undefined,
    idempotencyKey: row.idempotencyKey ?? undefined,
    fingerprint: row.fingerprint ?? undefined,
    slot: row.slot ?? undefined,
    wire: row.wire ?? undefined,
    handler: row.handler ?? undefined,
    createdAtMs: row.createdAt,
    updatedAtMs: row.updatedAt ?? row.createdAt,
    endedAtMs: row.endedAt ?? undefined,
    expiresAtMs: row.expiresAt ?? undefined,
    dropped: droppedOf(row),
    ...(wanted.input && { input: row.input ?? undefined }),
    ...(wanted.outcome && { outcome: row.outcome ?? undefined }),
    ...(wanted.progress && { progress: trailing ?? row.progress ?? undefined }),
    ...(wanted.snapshot && { snapshot: seq === null || json === null ? undefined : { seq, json } }),
  };
}
