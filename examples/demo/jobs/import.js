// The main job: reads a file of delimited text row by row, tells which rows are bad, and profiles its columns.
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { TaskError } from 'resumable-sse';
import { FileError } from '../csv/bytes.js';
import { createProfile, describeFormat, examine, rowsOf } from '../csv/profile.js';
import { findUpload } from '../upload.js';
import { createProgress } from './import-progress.js';

/** After so long the server has its turn: others wait no longer than that. */
const TURN_MS = 5;
/** An import that is slowed down has its quick and its slow seconds, as real ones have. */
const SWELL = 0.45;
const SWELL_MS = 1_300;
/** These end an attempt, not the import: the next one needs the file. */
const GOES_ON = new Set(['FENCED', 'SHUTDOWN']);

/**
 * @typedef {{ path: string, name: string, bytes: number, temporary: boolean, upload?: string }} UploadedFile
 * @typedef {{ file?: UploadedFile, charset?: string, rowsPerSecond?: number }} ImportInput `charset` as its sender says;
 *   `rowsPerSecond` slows it down, for watching; without a file the import goes on with that of the attempt before
 */

/** @type {import('resumable-sse').AsyncTask<object, object, ImportInput>} */
export async function importFile({ input, signal, attempt, lastProgress }, _taskId, updateProgress) {
  const file = input.file ?? findUpload(lastProgress);
  const { charset = lastProgress?.charset, rowsPerSecond = lastProgress?.pace ?? Infinity } = input;
  const about = {
    file: file.name,
    upload: file.upload,
    charset,
    attempt,
    pace: rowsPerSecond,
    bytes_total: file.bytes,
  };
  const progress = createProgress(about, updateProgress, lastProgress);
  try {
    await progress.sendFirst();
    const format = await examine(file.path, { charset, signal });
    await progress.sendFormat(describeFormat(format));
    const profile = createProfile(format);
    const keepPace = createPace(rowsPerSecond, signal);
    let turnEndsAt = performance.now() + TURN_MS;

    for await (const { rows, bytesRead } of rowsOf(file.path, format, signal)) {
      const from = progress.bytes;
      for (const [at, row] of rows.entries()) {
        progress.addRow(from + ((bytesRead - from) * (at + 1)) / rows.length);
        const reason = profile.add(row);
        if (reason !== undefined) progress.addBadRow(row.line, reason);
        if (progress.due) await progress.send();
        if (performance.now() >= turnEndsAt) {
          await nextTurn();
          turnEndsAt = performance.now() + TURN_MS;
        }
        // What the attempt before has told needs no telling, and no waiting.
        const wait = keepPace(progress.isKnown ? undefined : progress.elapsedMs);
        if (wait) await wait;
      }
      signal.throwIfAborted();
    }
    await progress.sendLast();
    return { ...progress.summary(), format: describeFormat(format), columns: profile.summary() };
  } catch (error) {
    // A TaskError reaches the client as it is.
    if (error instanceof FileError) throw new TaskError('INVALID_INPUT', error.message, { cause: error });
    throw error;
  } finally {
    if (file.temporary && !GOES_ON.has(signal.reason?.code)) await rm(file.path, { force: true });
  }
}

/** Called for each row, waits until it is due. Without the time that has passed it only counts. */
function createPace(rowsPerSecond, signal) {
  let dueMs = 0;
  if (rowsPerSecond === Infinity) return () => undefined;
  return (elapsedMs = Infinity) => {
    dueMs += 1_000 / (rowsPerSecond * (1 + SWELL * Math.sin(dueMs / SWELL_MS)));
    const aheadMs = dueMs - elapsedMs;
    return aheadMs > 10 ? sleep(aheadMs, undefined, { signal }) : undefined;
  };
}
