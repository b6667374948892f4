import type { TaskRecord, Tombstone } from '../core/ports.js';
import type { TaskStatus } from '../core/status.js';
import { placeOf } from './entry.js';
import { TASK_FIELDS } from './scripts.js';

type Field = (typeof TASK_FIELDS)[number];

/** A task as Redis has it, and who runs it. */
export interface RedisRecord extends TaskRecord {
  /** The fencing token. */
  readonly token: string;
  /** The instance that runs it. */
  readonly holder: string;
  /** Of all events so far, those that are not kept any more too. */
  readonly wireBytes: number;
  /** The key that leads to it from its idempotency key. */
  readonly once: string | undefined;
}

/**
 * What `READ` answers for a task, its tombstone, or neither.
 * @param isDead whether an instance is
 */
export function parseRecord(
  taskId: string,
  reply: unknown,
  isDead: (instance: string) => boolean,
): RedisRecord | Tombstone | undefined {
  if (!Array.isArray(reply)) return undefined;
  const values = reply as (string | number | null)[];
  if (values[0] === 'expired') return { status: 'expired', owner: textOf(values[1]) };
  const text = (field: Field): string | undefined => textOf(values[TASK_FIELDS.indexOf(field)]);
  const number = (field: Field): number => Number(text(field));
  const optional = (field: Field): number | undefined => (text(field) === undefined ? undefined : number(field));
  const status = text('status') as TaskStatus;
  const holder = text('holder') ?? '';
  const [subscribers, topId, updated, progress, firstId, events, bytes] = values.slice(TASK_FIELDS.length).map(textOf);
  // Where the stream is lost, the hash remembers how far it had come when it was last written to.
  const noted = { seq: optional('seq') ?? 0, bytes: 0 };
  const top = topId === undefined ? noted : placeOf(topId);
  const first = firstId === undefined ? noted : placeOf(firstId);
  const lastSeq = Math.max(top.seq, noted.seq);
  const firstKeptSeq = firstId === undefined ? lastSeq + 1 : first.seq + 1 - Number(events);
  return {
    taskId,
    resumeKey: text('key') ?? '',
    owner: text('owner'),
    fingerprint: text('fingerprint'),
    wire: text('wire'),
    slot: text('slot'),
    handler: text('handler'),
    epoch: Number(text('token')),
    status,
    orphaned: status === 'running' && (text('released') === '1' || isDead(holder)),
    attempt: number('attempt'),
    createdAtMs: number('created'),
    updatedAtMs: Number(updated ?? text('created')),
    endedAtMs: optional('ended'),
    expiresAtMs: optional('expiresWall'),
    lastSeq,
    firstKeptSeq,
    bufferedEvents: lastSeq + 1 - firstKeptSeq,
    bufferedBytes: top.bytes - first.bytes + Number(bytes ?? 0),
    subscribers: Number(subscribers),
    progress: progress ?? text('progress'),
    outcome: text('outcome'),
    token: text('token') ?? '',
    holder,
    wireBytes: top.bytes,
    once: text('once'),
  };
}

function textOf(value: string | number | null | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

/** The names in an answer that is a list; empty for anything else. */
export const textsOf = (reply: unknown): string[] => (Array.isArray(reply) ? reply.map(String) : []);
