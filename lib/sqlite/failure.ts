/** Translates SQLite's result codes into what they mean for a store. */
import { TaskError, unavailable } from '../core/errors.js';

/** Result codes that say something about the database, rather than about the statement; `final`: nothing helps but a hand. */
const MEANINGS: readonly (readonly [name: string, code: number, text: string, final?: 'final'])[] = [
  ['SQLITE_BUSY', 5, 'another connection kept the database locked; keep its transactions short'],
  ['SQLITE_LOCKED', 6, 'another statement kept a table locked'],
  ['SQLITE_NOMEM', 7, 'there is no memory left'],
  ['SQLITE_READONLY', 8, 'the database cannot be written to; let this process write to the file and its folder'],
  ['SQLITE_IOERR', 10, 'the disk reported an error; see to the disk, and check the file with PRAGMA integrity_check'],
  ['SQLITE_CORRUPT', 11, 'the database file is damaged; stop all processes and restore a backup', 'final'],
  ['SQLITE_FULL', 13, 'the disk is full; free some space, and what waits goes in'],
  ['SQLITE_CANTOPEN', 14, 'the database file or its WAL cannot be opened; let this process write to the folder'],
  ['SQLITE_PROTOCOL', 15, 'the file system has not the locks of WAL mode; keep the file on a local disk', 'final'],
  ['SQLITE_NOTADB', 26, 'the file is not a SQLite database; give the store a path of its own', 'final'],
];

/** SQLite has no code of its own for what it refuses within a transaction. */
const NESTED: (typeof MEANINGS)[number] = [
  'SQLITE_ERROR',
  1,
  'the application has a transaction open on the connection of the store; give the store a connection of its own',
];

/** The reason why a transaction failed. */
export interface Failure extends TaskError {
  /** Nothing was changed, and the same work may succeed later, or never. Undefined: it may have been committed all the same. */
  readonly refusal: 'passing' | 'final' | undefined;
}

/** @param committing whether the error came from COMMIT itself */
export function failureOf(error: unknown, committing: boolean): Failure {
  if (error instanceof TaskError) return Object.assign(error, { refusal: 'final' as const });
  const meaning = meaningOf(error);
  const [name, , text = error instanceof Error ? error.message : String(error), final] = meaning ?? [];
  const isUnknown = committing && name !== 'SQLITE_FULL' && name !== 'SQLITE_BUSY';
  const refusal: Failure['refusal'] = meaning === undefined ? 'final' : (final ?? 'passing');
  const failure = unavailable(`The SQLite store failed: ${text}`, error);
  return Object.assign(failure, { refusal: isUnknown ? undefined : refusal });
}

/** Somebody else is using the database, or this connection; nothing is wrong with it. */
export function isBusy(error: unknown): boolean {
  const meaning = meaningOf(error);
  return meaning === NESTED || meaning?.[0] === 'SQLITE_BUSY' || meaning?.[0] === 'SQLITE_LOCKED';
}

/**
 * An error carries a primary result code: a name in `code` (`better-sqlite3`, `libsql`), which may be an extended one such
 * as `SQLITE_IOERR_WRITE`, or a number in `errcode` (`node:sqlite`).
 */
function meaningOf(error: unknown): (typeof MEANINGS)[number] | undefined {
  const { code, errcode, message } = error as { code?: unknown; errcode?: unknown; message?: unknown };
  if (typeof message === 'string' && /(within|inside) a transaction/.test(message)) return NESTED;
  if (typeof errcode === 'number') return MEANINGS.find(([, number]) => number === (errcode & 0xff));
  return MEANINGS.find(([name]) => code === name || (typeof code === 'string' && code.startsWith(`${name}_`)));
}
