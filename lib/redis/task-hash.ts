/** Turns the hash of a task into a `StoredTask`, and a draft into the hash. */
import type { TaskStatus } from '../core/task/status.js';
import type { Found, Wanted } from '../distributed/port/calls.js';
import { trailingProgress } from '../distributed/port/entry.js';
import type { Draft, StoredSnapshot, TaskState } from '../distributed/port/stored.js';
import { parseEntry, placeOf } from './log-entry.js';
import type { Reply } from './clients/replies.js';
import { STATE_FIELDS, TASK_FIELDS, TEXT_FIELDS } from './scripts/task-scripts.js';

type Field = (typeof TASK_FIELDS)[number];
type StateField = (typeof STATE_FIELDS)[number];

/** The names of the wanted texts, as the scripts take them. */
export const wordsOf = (wanted: Wanted = {}): string => TEXT_FIELDS.filter((name) => wanted[name] === true).join(' ');

/** A task, its tombstone, or neither, from what the Lua function `read` answers. */
export function parseTask(taskId: string, reply: Reply | undefined, wanted: Wanted = {}): Found {
  if (!Array.isArray(reply)) return undefined;
  const texts = textsOrNothing(reply);
  if (texts[0] === 'expired') return { status: 'expired', owner: texts[1] };
  const text = (field: Field): string | undefined => texts[TASK_FIELDS.indexOf(field)];
  const number = (field: Field): number | undefined => (text(field) === undefined ? undefined : Number(text(field)));
  const [lastId, updatedAtMs, last, progress, outcome, input, snapshot] = texts.slice(TASK_FIELDS.length);
  const top = placeOf(lastId ?? text('top'));
  const lastEntry = last === undefined ? undefined : parseEntry('', last);
  return {
    ...stateOf(taskId, text),
    resumeKey: text('resumeKey') ?? '',
    owner: text('owner'),
    idempotencyKey: text('idempotencyKey'),
    fingerprint: text('fingerprint'),
    slot: text('slot'),
    wire: text('wire'),
    handler: text('handler'),
    top,
    createdAtMs: number('createdAt') ?? 0,
    updatedAtMs: Number(updatedAtMs ?? text('createdAt')),
    endedAtMs: number('endedAt'),
    expiresAtMs: number('expiresAt'),
    dropped: lastId === undefined ? top : placeOf(text('dropped')), // a log that was lost has dropped everything
    ...(wanted.progress === true && {
      progress: (lastEntry?.events ? trailingProgress(lastEntry.text) : undefined) ?? progress,
    }),
    ...(wanted.outcome === true && { outcome }),
    ...(wanted.input === true && { input }),
    ...(wanted.snapshot === true && { snapshot: snapshot === undefined ? undefined : parseSnapshot(snapshot) }),
  };
}

/** The state of a task from what `LOOK` answers. */
export function parseState(taskId: string, reply: Reply | undefined): TaskState | undefined {
  if (!Array.isArray(reply)) return undefined;
  const texts = textsOrNothing(reply);
  return stateOf(taskId, (field) => texts[STATE_FIELDS.indexOf(field)]);
}

const textsOrNothing = (reply: readonly Reply[]): readonly (string | undefined)[] =>
  reply.map((value) => (typeof value === 'string' ? value : undefined));

function stateOf(taskId: string, text: (field: StateField) => string | undefined): TaskState {
  return {
    taskId,
    status: text('status') as TaskStatus,
    token: Number(text('token') ?? 0),
    holder: text('holder'),
    attempt: Number(text('attempt') ?? 1),
    losses: Number(text('losses') ?? 0),
    cancel: text('cancel'),
    schema: Number(text('schema') ?? 0),
    top: placeOf(text('top')),
  };
}

export const snapshotText = ({ seq, json }: StoredSnapshot): string => `${seq} ${json}`;

function parseSnapshot(text: string): StoredSnapshot {
  const space = text.indexOf(' ');
  return { seq: Number(text.slice(0, space)), json: text.slice(space + 1) };
}

/** Fields and values by turns. */
export function fieldsOf(draft: Draft, holder: string): string[] {
  const { resumeKey, owner, idempotencyKey, fingerprint, slot, wire, handler, createdAtMs, schema } = draft;
  const values: Partial<Record<Field, string | number | undefined>> = {
    resumeKey,
    owner,
    idempotencyKey,
    fingerprint,
    slot,
    wire,
    handler,
    createdAt: createdAtMs,
    schema,
    status: 'running',
    token: 1,
    holder,
    attempt: 1,
  };
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}
