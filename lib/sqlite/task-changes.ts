import type { Claim, Claimed, Created, Ref } from '../distributed/port/calls.js';
import { trailingProgress } from '../distributed/port/entry.js';
import type { Draft, Entry, StoredTask } from '../distributed/port/stored.js';
import type { Moment } from './connection.js';
import { endTask, insertEntries } from './task-log.js';
import { conditionOf, findState, findTasks, KEPT, topOf, type StateRow } from './task-rows.js';

/** Creates, claims, orphans and removes tasks. */

const CREATE = `INSERT INTO {tasks} (taskId, resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler,
  createdAt, schema, input, holder, keeper) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const COUNT_RUNNING = `SELECT count(*) AS running FROM {tasks} WHERE owner IS ? AND status = ?`;
const CLAIM = `UPDATE {tasks} SET token = ?, attempt = ?, nonce = ?, holder = ?, keeper = ?, orphanedAt = NULL,
  progress = coalesce(?, progress) WHERE id = ?`;
const ORPHAN = 'UPDATE {tasks} SET holder = NULL, keeper = NULL, orphanedAt = ?, dueAt = ? WHERE id = ?';
const LAST_TEXT = 'SELECT text FROM {entries} WHERE task = ? AND token = ? AND seq = ? AND events > 0';

export function create(
  moment: Moment,
  draft: Draft,
  holder: string,
  quota = moment.settings.maxTasksPerOwner,
): Created {
  const { connection } = moment;
  const { taskId, resumeKey, owner, idempotencyKey, slot } = draft;
  const [existing] = findTasks(connection, 't.taskId = ?', [taskId]);
  if (existing !== undefined) return { created: existing };
  const repeated = idempotencyKey === undefined ? undefined : findKept(moment, { idempotencyKey, owner });
  if (repeated !== undefined) return { taken: 'idempotencyKey', by: repeated };
  const occupant = slot === undefined ? undefined : findKept(moment, { slot, owner });
  if (occupant !== undefined) return { taken: 'slot', by: occupant };
  if (quota !== Infinity) {
    const { running } = connection.get(COUNT_RUNNING, owner, 'running') as { running: number };
    if (running >= quota) return { taken: 'quota' };
  }

  const { fingerprint, wire, handler, createdAtMs, schema, input } = draft;
  const known = [taskId, resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler];
  const given = [Math.trunc(createdAtMs), schema, input, holder, holder];
  connection.run(CREATE, ...known, ...given);
  return create(moment, draft, holder);
}

export function claim(moment: Moment, { taskId, expected, instance, token, attempt, nonce, ending }: Claim): Claimed {
  const { connection, now, settings } = moment;
  const task = findState(connection, taskId, now);
  if (task === undefined) return { lost: 'gone' };
  const isRepeated = task.token === token && task.nonce === nonce;
  if (!isRepeated) {
    if (task.status !== 'running') return { lost: 'ended' };
    if (!isAs(task, expected)) return { lost: 'taken' };
    const keeper = ending === undefined ? instance : null;
    connection.run(CLAIM, token, attempt, nonce, instance, keeper, trailingProgressOf(moment, task), task.id);
    const { seq, bytes } = topOf(task);
    const entry = { events: 0, bytes: 0, atMs: settings.clock.wallNow(), schema: task.schema, text: '' };
    const added: Entry[] = [{ ...entry, place: { token, seq, bytes } }];
    if (ending !== undefined) {
      const place = { token, seq: seq + 1, bytes: bytes + ending.bytes };
      added.push({ ...entry, place, events: 1, bytes: ending.bytes, text: ending.text });
    }
    insertEntries(connection, task.id, added);
    if (ending !== undefined) endTask(moment, task.id, ending);
  }
  const [won] = findTasks(connection, 't.id = ?', [task.id], { input: true, progress: true });
  return won === undefined ? { lost: 'gone' } : { won };
}

export function orphan(
  { connection, now }: Moment,
  taskId: string,
  expected: Claim['expected'],
  delayMs: number,
): boolean {
  const task = findState(connection, taskId, now);
  if (task?.status !== 'running' || task.token !== expected.token) return false;
  if (task.holder === null) return true;
  if (!isAs(task, expected)) return false;
  connection.run(ORPHAN, now, now + delayMs, task.id);
  return true;
}

export function remove({ connection, now }: Moment, taskId: string): void {
  const task = findState(connection, taskId, now);
  if (task?.status !== 'running' || task.token !== 1 || task.topToken !== null) return;
  connection.run('DELETE FROM {tasks} WHERE id = ?', task.id);
  connection.run('INSERT INTO {remains} VALUES (?)', task.id);
}

const isAs = ({ token, holder }: StateRow, expected: Claim['expected']): boolean =>
  token === expected.token && holder === (expected.holder ?? null);

function findKept({ connection, now }: Moment, ref: Ref): StoredTask | undefined {
  const { condition, values } = conditionOf(ref);
  return findTasks(connection, `${condition} AND ${KEPT}`, [...values, now])[0];
}

function trailingProgressOf({ connection }: Moment, { id, topToken, topSeq }: StateRow): string | undefined {
  const last = connection.get(LAST_TEXT, id, topToken, topSeq) as { text: string } | undefined;
  return last && trailingProgress(last.text);
}
