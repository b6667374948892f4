import fs from 'node:fs';
import { TaskError } from '../core/errors.js';
import type { Connection } from './connection.js';

/**
 * The tables, and how a file is made ready for them. Times are ms since 1970. `createdAt`, `endedAt`, `expiresAt` and `at` are
 * only shown, by a wall clock that may jump; whatever falls due does so by the clock of the store.
 */

/** Grows with every change of the tables that an older release could not live with. */
const LAYOUT = 1;

/**
 * Ids of tasks and entries are never used again (AUTOINCREMENT): the entries of a task may outlive it for a moment, and
 * whoever has read the entries up to an id must find all later ones above it.
 */
const TABLES = `
CREATE TABLE IF NOT EXISTS {layout} (number INTEGER NOT NULL);
INSERT INTO {layout} SELECT ${LAYOUT} WHERE NOT EXISTS (SELECT 1 FROM {layout});

CREATE TABLE IF NOT EXISTS {tasks} (
  id INTEGER PRIMARY KEY AUTOINCREMENT, taskId TEXT NOT NULL UNIQUE, resumeKey TEXT NOT NULL UNIQUE, owner TEXT,
  idempotencyKey TEXT, fingerprint TEXT, slot TEXT, wire TEXT, handler TEXT, createdAt INTEGER NOT NULL,
  schema INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'running', token INTEGER NOT NULL DEFAULT 1, holder TEXT,
  keeper TEXT, attempt INTEGER NOT NULL DEFAULT 1, nonce TEXT, cancel TEXT, endedAt INTEGER, expiresAt INTEGER, expires INTEGER,
  orphanedAt INTEGER, dueAt INTEGER, droppedToken INTEGER NOT NULL DEFAULT 0, droppedSeq INTEGER NOT NULL DEFAULT 0,
  droppedTotal INTEGER NOT NULL DEFAULT 0, snapshotSeq INTEGER, snapshot TEXT, progress TEXT, outcome TEXT, input TEXT
);
CREATE INDEX IF NOT EXISTS {tasks_by_key} ON {tasks} (idempotencyKey, owner) WHERE idempotencyKey IS NOT NULL;
CREATE INDEX IF NOT EXISTS {tasks_by_slot} ON {tasks} (slot, owner) WHERE slot IS NOT NULL AND status = 'running';
CREATE INDEX IF NOT EXISTS {tasks_by_owner} ON {tasks} (owner, taskId);
CREATE INDEX IF NOT EXISTS {tasks_by_owner_and_status} ON {tasks} (owner, status, taskId);
CREATE INDEX IF NOT EXISTS {tasks_by_status} ON {tasks} (status, taskId);
CREATE INDEX IF NOT EXISTS {tasks_by_keeper} ON {tasks} (keeper, taskId) WHERE keeper IS NOT NULL;
CREATE INDEX IF NOT EXISTS {tasks_by_expiry} ON {tasks} (expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS {tasks_by_orphanage} ON {tasks} (orphanedAt) WHERE orphanedAt IS NOT NULL;

CREATE TABLE IF NOT EXISTS {entries} (
  id INTEGER PRIMARY KEY AUTOINCREMENT, task INTEGER NOT NULL, token INTEGER NOT NULL, seq INTEGER NOT NULL,
  total INTEGER NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL,
  schema INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS {entries_by_place} ON {entries} (task, token, seq);

CREATE TABLE IF NOT EXISTS {audience} (
  task INTEGER NOT NULL, instance TEXT NOT NULL, version INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (task, instance)
);
CREATE TABLE IF NOT EXISTS {attached} (
  task INTEGER NOT NULL, name TEXT NOT NULL, instance TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (task, name, instance)
);
CREATE TABLE IF NOT EXISTS {departures} (
  id INTEGER PRIMARY KEY, task INTEGER NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, UNIQUE (task, name)
);
CREATE INDEX IF NOT EXISTS {departures_by_age} ON {departures} (task, id);

CREATE TABLE IF NOT EXISTS {tombstones} (
  taskId TEXT NOT NULL PRIMARY KEY, resumeKey TEXT NOT NULL UNIQUE, owner TEXT, until INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS {tombstones_by_end} ON {tombstones} (until);
CREATE TABLE IF NOT EXISTS {remains} (task INTEGER PRIMARY KEY);

CREATE TABLE IF NOT EXISTS {instances} (
  instance TEXT NOT NULL PRIMARY KEY, leaseMs INTEGER NOT NULL, schema INTEGER NOT NULL, count INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS {notes} (
  id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT, at INTEGER NOT NULL, note TEXT NOT NULL
);`;

/** The tables that hold rows of one task beside its own. */
export const PARTS = ['entries', 'attached', 'departures', 'audience'] as const;

/** Types of file systems whose locks or shared memory cannot be relied on: NFS, SMB 1, CIFS, SMB 2 and 3. */
const NETWORK_FILE_SYSTEMS: readonly number[] = [0x6969, 0x517b, 0xff534d42, 0xfe534d42];

/**
 * Says how this connection works, and makes the tables where they are missing.
 * @throws TaskError `STORE_UNAVAILABLE`, or what the database throws
 */
export function setUp(connection: Connection): void {
  refuseNetworkFile(connection);
  const { synchronous } = connection.get('PRAGMA synchronous') as { synchronous: number };
  // FULL is SQLite's own default: nobody can be seen to have chosen it.
  if (synchronous === 2) connection.exec('PRAGMA synchronous = NORMAL');
  connection.exec('PRAGMA journal_size_limit = 16777216');
  const hasTables = connection.get(`SELECT 1 FROM sqlite_master WHERE name = '{notes}'`) !== undefined;
  // Takes effect in a new file alone, and only before its first write.
  if (!hasTables) connection.exec('PRAGMA auto_vacuum = INCREMENTAL');
  if (journalMode(connection, 'PRAGMA journal_mode') !== 'wal') {
    const mode = journalMode(connection, 'PRAGMA journal_mode = WAL');
    if (mode !== 'wal' && mode !== 'memory')
      throw unusable(`its journal mode stays ${mode}, and WAL is needed: keep the file on a local disk`);
  }
  if (!hasTables) connection.exec(`BEGIN IMMEDIATE;${TABLES}COMMIT`);
  checkLayout(connection);
}

function journalMode(connection: Connection, pragma: string): string {
  const { journal_mode: mode } = connection.get(pragma) as { journal_mode: string };
  return mode;
}

/** @throws TaskError `STORE_UNAVAILABLE` where a newer release has changed the tables */
export function checkLayout(connection: Connection): void {
  const { number } = connection.get('SELECT number FROM {layout}') as { number: number };
  if (number > LAYOUT)
    throw unusable(
      `its tables have layout ${number}, and this release knows up to ${LAYOUT}: update resumable-sse in this process`,
    );
}

function refuseNetworkFile(connection: Connection): void {
  const { file } = connection.get(`SELECT file FROM pragma_database_list WHERE name = 'main'`) as { file: string };
  if (file !== '' && NETWORK_FILE_SYSTEMS.includes(fs.statfsSync(file).type)) {
    throw unusable(
      'it is on a network file system, where processes cannot share it safely: keep it on a local disk, or use Redis',
    );
  }
}

const unusable = (why: string): TaskError =>
  new TaskError('STORE_UNAVAILABLE', `The SQLite database cannot be used: ${why}`);
