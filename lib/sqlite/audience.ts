import type { AudienceReport } from '../distributed/port/calls.js';
import type { AudienceShare, Departure } from '../distributed/port/stored.js';
import type { Moment } from './connection.js';
import { findState } from './task-rows.js';

/** Keeps who is attached to which task on which instance, and where those who left were. */

const MAX_DEPARTURES = 1_000;

const REPORT = `INSERT INTO {audience} VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET version = excluded.version, count = excluded.count
  WHERE excluded.version > version RETURNING version`;
const ARRIVE = `INSERT INTO {attached} VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1`;
const LEAVE = 'UPDATE {attached} SET count = count - 1 WHERE task = ? AND name = ? AND instance = ?';
const GONE = 'DELETE FROM {attached} WHERE task = ? AND name = ? AND instance = ? AND count <= 0';
const DEPART = 'INSERT OR REPLACE INTO {departures} (task, name, position) VALUES (?, ?, ?)';
const FORGET = `DELETE FROM {departures} WHERE task = ? AND id <=
  (SELECT id FROM {departures} WHERE task = ? ORDER BY id DESC LIMIT 1 OFFSET ${MAX_DEPARTURES})`;

export function report(moment: Moment, { taskId, instance, version, count, moves }: AudienceReport): void {
  const { connection, now } = moment;
  const task = findState(connection, taskId, now);
  if (task === undefined || connection.get(REPORT, task.id, instance, version, count) === undefined) return;
  for (const { subscriberId, position } of moves) {
    if (position === undefined) {
      connection.run(ARRIVE, task.id, subscriberId, instance);
      continue;
    }
    connection.run(LEAVE, task.id, subscriberId, instance);
    connection.run(GONE, task.id, subscriberId, instance);
    connection.run(DEPART, task.id, subscriberId, position);
    connection.run(FORGET, task.id, task.id);
  }
}

export function readAudience({ connection, now }: Moment, taskId: string): AudienceShare[] {
  const task = findState(connection, taskId, now);
  if (task === undefined) return [];
  return connection.all('SELECT instance, version, count FROM {audience} WHERE task = ?', task.id) as AudienceShare[];
}

export function readDeparture({ connection, now }: Moment, taskId: string, name: string): Departure {
  const task = findState(connection, taskId, now);
  if (task === undefined) return { attachedTo: [], position: undefined };
  const attached = connection.all('SELECT instance FROM {attached} WHERE task = ? AND name = ?', task.id, name);
  const departed = connection.get('SELECT position FROM {departures} WHERE task = ? AND name = ?', task.id, name);
  return {
    attachedTo: (attached as { instance: string }[]).map(({ instance }) => instance),
    position: (departed as { position: number } | undefined)?.position,
  };
}
