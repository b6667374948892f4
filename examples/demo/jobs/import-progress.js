// What those who watch an import are told on the way: counts, and every bad row exactly once, whichever attempt finds it.

/** Ten times a second is smooth to look at. */
const PROGRESS_MS = 100;
/** An import that goes on for hours tells less often, so that its log keeps every event. */
const EVENTS_BEFORE_SLOWER = 2_000;
/** A file that is bad from end to end must not make one event of a megabyte. */
const BAD_ROWS_PER_EVENT = 200;
/** So many are told by line; the rest is counted. */
const BAD_ROWS_TOLD = 10_000;

/**
 * @param {object} about the file and how it is read, in every event, so that the next attempt finds it there
 * @param {(event: object) => Promise<void>} updateProgress
 * @param {any} told the last event of the attempt before
 */
export function createProgress(about, updateProgress, told) {
  const startedAt = performance.now() - (told?.elapsed_ms ?? 0);
  const isKnownFile = told !== undefined;
  let sentAt = startedAt;
  let rows = 0;
  let bytes = 0;
  let badRows = 0;
  let format = told?.format;
  let unsent = [];

  const elapsedMs = () => performance.now() - startedAt;
  const isKnown = () => rows <= (told?.rows ?? 0);
  const counts = () => ({ rows, bad_rows: badRows, elapsed_ms: Math.round(elapsedMs()) });
  const send = async () => {
    const rowsPerSecond = rows === 0 ? 0 : Math.round((rows / elapsedMs()) * 1_000);
    // The pace is as it was asked for; the rate is what became of it.
    const event = {
      ...about,
      ...counts(),
      rows_per_second: rowsPerSecond,
      bytes: Math.round(bytes),
      format,
      new_bad_rows: unsent,
    };
    unsent = [];
    sentAt = performance.now();
    await updateProgress(event);
  };

  return {
    send,
    get bytes() {
      return bytes;
    },
    /** The attempt before has told this row. */
    get isKnown() {
      return isKnown();
    },
    get elapsedMs() {
      return elapsedMs();
    },
    get due() {
      if (unsent.length >= BAD_ROWS_PER_EVENT) return true;
      if (isKnown()) return false;
      return performance.now() - sentAt >= Math.max(PROGRESS_MS, elapsedMs() / EVENTS_BEFORE_SLOWER);
    },
    /** @param {number} bytesSoFar of the file, up to the end of this row */
    addRow(bytesSoFar) {
      rows++;
      bytes = bytesSoFar;
    },
    addBadRow(line, reason) {
      badRows++;
      if (badRows > (told?.bad_rows ?? 0) && badRows <= BAD_ROWS_TOLD) unsent.push({ line, reason });
    },
    async sendFirst() {
      if (!isKnownFile) await send();
    },
    async sendFormat(found) {
      const isNew = format === undefined;
      format = found;
      if (isNew) await send();
    },
    async sendLast() {
      bytes = about.bytes_total;
      await send();
    },
    summary: () => ({ file: about.file, ...counts() }),
  };
}
