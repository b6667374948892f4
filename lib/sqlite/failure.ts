import { TaskError } from '../core/errors.js';

/** Translates SQLite's result codes into what they mean for a store. */

/** Result codes that say something about the database, rather than about the statement. */
const MEANINGS: Readonly<Record<string, { readonly code: number; readonly text: string; readonly passing: boolean }>> =
  {
    SQLITE_BUSY: {
      code: 5,
      text: 'another connection kept the database locked; keep its transactions short',
      passing: true,
    },
    SQLITE_LOCKED: { code: 6, text: 'another statement kept a table locked', passing: true },
    SQLITE_NOMEM: { code: 7, text: 'there is no memory left', passing: true },
    SQLITE_READONLY: {
      code: 8,
      text: 'the database cannot be written to; let this process write to the file and its folder',
      passing: true,
    },
    SQLITE_IOERR: {
      code: 10,
      text: 'the disk reported an error; see to the disk, and check the file with PRAGMA integrity_check',
      passing: true,
    },
    SQLITE_CORRUPT: {
      code: 11,
      text: 'the database file is damaged; stop all processes and restore a backup',
      passing: false,
    },
    SQLITE_FULL: { code: 13, text: 'the disk is full; free some space, and what waits goes in', passing: true },
    SQLITE_CANTOPEN: {
      code: 14,
      text: 'the database file or its WAL cannot be opened; let this process write to the folder',
      passing: true,
    },
    SQLITE_PROTOCOL: {
      code: 15,
      text: 'the file system does not support the locks of WAL mode; keep the file on a local disk',
      passing: false,
    },
    SQLITE_NOTADB: {
      code: 26,
      text: 'the file is not a SQLite database; give the store a path of its own',
      passing: false,
    },
  };

/** The reason why a transaction failed. It has changed nothing unless `unknown`. */
export interface Failure {
  readonly error: TaskError;
  /** The same work may succeed later. */
  readonly passing: boolean;
  /** It may have been committed all the same. */
  readonly unknown: boolean;
}

/** @param committing whether the error came from COMMIT itself */
export function failureOf(error: unknown, committing: boolean): Failure {
  if (error instanceof TaskError) return { error, passing: false, unknown: false };
  const name = resultCode(error);
  const meaning = name === undefined ? undefined : MEANINGS[name];
  const reason = meaning?.text ?? (error instanceof Error ? error.message : String(error));
  return {
    error: new TaskError('STORE_UNAVAILABLE', `The SQLite store failed: ${reason}`, { cause: error }),
    passing: meaning?.passing ?? false,
    unknown: committing && name !== 'SQLITE_FULL' && name !== 'SQLITE_BUSY',
  };
}

/** Somebody else is using the database; nothing is wrong with it. */
export function isBusy(error: unknown): boolean {
  const name = resultCode(error);
  return name === 'SQLITE_BUSY' || name === 'SQLITE_LOCKED';
}

/**
 * The primary result code that `error` carries: a name in `code` (`better-sqlite3`, `libsql`), which may be an extended
 * one such as `SQLITE_IOERR_WRITE`, or a number in `errcode` (`node:sqlite`).
 */
function resultCode(error: unknown): string | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return Object.keys(MEANINGS).find((name) => {
    if (typeof errcode === 'number') return (errcode & 0xff) === MEANINGS[name]?.code;
    return code === name || (typeof code === 'string' && code.startsWith(`${name}_`));
  });
}
