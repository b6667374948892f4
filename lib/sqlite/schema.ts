/** Defines the tables, and makes a file ready for them. */
import fs from 'node:fs';
import { unavailable, type TaskError } from '../core/errors.js';
import type { Connection } from './connection.js';

/** Grows with every change of the tables that another release could not live with. */
const LAYOUT = 2;

/** The columns of a task that are asked for, and where its record has them. */
const COLUMNS: Readonly<Record<string, string>> = {
  taskId: 'taskId',
  resumeKey: 'resumeKey',
  owner: 'owner',
  idempotencyKey: 'idempotencyKey',
  slot: 'slot',
  status: 'status',
  keeper: 'keeper',
  handler: 'handler',
  expires: 'expires',
  isForgotten: 'isForgotten',
  orphanedAt: 'orphan.sinceMs',
  dueAt: 'orphan.dueMs',
};

const VIRTUAL = Object.entries(COLUMNS).map(([name, path]) => `${name} AS (json_extract(record, '$.${path}'))`);

/**
 * A task is a JSON record, with its large texts beside it; the columns that are asked for are computed from it. Whoever has
 * read the entries and notes up to an id finds all later ones above it.
 */
const TABLES = `
CREATE TABLE {layout} (number INTEGER NOT NULL);
INSERT INTO {layout} VALUES (${LAYOUT});
CREATE TABLE {tasks} (
  id INTEGER PRIMARY KEY, record TEXT NOT NULL, input TEXT, noted TEXT, outcome TEXT, snapshot TEXT,
  ${VIRTUAL.join(', ')}
);
CREATE UNIQUE INDEX {tasks_by_id} ON {tasks} (taskId);
CREATE UNIQUE INDEX {tasks_by_resume_key} ON {tasks} (resumeKey);
CREATE INDEX {tasks_by_key} ON {tasks} (idempotencyKey, owner) WHERE idempotencyKey IS NOT NULL;
CREATE INDEX {tasks_by_slot} ON {tasks} (slot, owner) WHERE slot IS NOT NULL AND status = 'running';
CREATE INDEX {tasks_by_owner} ON {tasks} (owner, taskId);
CREATE INDEX {tasks_by_owner_and_status} ON {tasks} (owner, status, taskId);
CREATE INDEX {tasks_by_status} ON {tasks} (status, taskId);
CREATE INDEX {tasks_by_keeper} ON {tasks} (keeper, taskId) WHERE keeper IS NOT NULL;
CREATE INDEX {tasks_by_expiry} ON {tasks} (expires) WHERE expires IS NOT NULL;
CREATE INDEX {tasks_by_orphanage} ON {tasks} (orphanedAt) WHERE orphanedAt IS NOT NULL;
CREATE TABLE {entries} (
  id INTEGER PRIMARY KEY, task INTEGER NOT NULL, token INTEGER NOT NULL, seq INTEGER NOT NULL, total INTEGER NOT NULL,
  events INTEGER NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL, schema INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE UNIQUE INDEX {entries_by_place} ON {entries} (task, token, seq);
CREATE TABLE {documents} (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE {notes} (id INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT, at INTEGER NOT NULL, note TEXT NOT NULL);
`;

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
  const { wal_autocheckpoint: pages } = connection.get('PRAGMA wal_autocheckpoint') as { wal_autocheckpoint: number };
  // A checkpoint waits for the disk however little it writes: rarer ones cost less. 1,000 is SQLite's own default.
  if (pages === 1_000) connection.exec('PRAGMA wal_autocheckpoint = 4000');
  connection.exec('PRAGMA journal_size_limit = 16777216');
  const hasTables = (): boolean => connection.get(`SELECT 1 FROM sqlite_master WHERE name = '{layout}'`) !== undefined;
  // Takes effect in a new file alone, and only before its first write.
  if (!hasTables()) connection.exec('PRAGMA auto_vacuum = INCREMENTAL');
  if (journalMode(connection, 'PRAGMA journal_mode') !== 'wal') {
    const mode = journalMode(connection, 'PRAGMA journal_mode = WAL');
    if (mode !== 'wal' && mode !== 'memory')
      throw unusable(`its journal mode stays ${mode}, and WAL is needed: keep the file on a local disk`);
  }
  if (!hasTables()) {
    connection.transact(() => {
      if (!hasTables()) connection.exec(TABLES); // another process may have been faster
    });
  }
  checkLayout(connection);
}

function journalMode(connection: Connection, pragma: string): string {
  const { journal_mode: mode } = connection.get(pragma) as { journal_mode: string };
  return mode;
}

/** @throws TaskError `STORE_UNAVAILABLE` where another release has made the tables */
export function checkLayout(connection: Connection): void {
  const { number } = connection.get('SELECT number FROM {layout}') as { number: number };
  if (number !== LAYOUT)
    throw unusable(
      `its tables have layout ${number}, and this release knows ${LAYOUT}: update resumable-sse in all processes, or take another file`,
    );
}

/**
 * Refuses a file that has been deleted or replaced, or whose WAL has, because what is written there is lost with this
 * process, and seen by no other. SQLite itself deletes no WAL that a connection has open.
 * @throws TaskError `STORE_UNAVAILABLE`
 */
export function checkFile(connection: Connection): void {
  const file = pathOf(connection);
  if (file === '') return;
  const found = identityOf(file);
  connection.file ??= found;
  if (found !== connection.file) throw takenAway('file');
  if (journalMode(connection, 'PRAGMA journal_mode') !== 'wal') {
    connection.wal = undefined; // the application has chosen another mode on this connection
    return;
  }
  const wal = identityOf(`${file}-wal`);
  connection.wal ??= wal;
  if (wal !== connection.wal) throw takenAway('WAL');
}

function refuseNetworkFile(connection: Connection): void {
  const file = pathOf(connection);
  if (file !== '' && NETWORK_FILE_SYSTEMS.includes(fs.statfsSync(file).type)) {
    throw unusable(
      'it is on a network file system, where processes cannot share it safely: keep it on a local disk, or use Redis',
    );
  }
}

/** The path of the file; '' where there is none. */
function pathOf(connection: Connection): string {
  return (connection.get(`SELECT file FROM pragma_database_list WHERE name = 'main'`) as { file: string }).file;
}

/** Names the file at `path`; undefined where there is none. */
function identityOf(path: string): string | undefined {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}

const takenAway = (what: string): TaskError =>
  unusable(`its ${what} was deleted or replaced while it was open: put it back, or restart all processes`);

const unusable = (why: string): TaskError => unavailable(`The SQLite database cannot be used: ${why}`);
