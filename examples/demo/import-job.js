// The main job: reads a CSV file of orders row by row, checks each row, and adds the good ones up.
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse';
import { TaskError } from 'resumable-sse';
import { COLUMNS, createOrderReader } from './orders.js';
import { findUpload } from './upload.js';

/** Ten times a second is smooth to look at, and an import of ten minutes keeps every event in its log. */
const PROGRESS_MS = 100;
/** After so long, and so much, the server has its turn: others wait no longer than that. */
const TURN_MS = 5;
const TURN_BYTES = 16_384;
/** An import that is slowed down has its quick and its slow seconds, as real ones have. */
const SWELL = 0.45;
const SWELL_MS = 1_300;
/** A file that is bad from end to end must not make one event of a megabyte. */
const BAD_ROWS_PER_EVENT = 200;
/** So many reports fit into the log with room to spare: none is trimmed before everybody could read it. */
const MAX_BAD_ROWS = 20_000;
/** Countries and products in the result; the rest is added up. */
const MAX_GROUPS = 100;

/**
 * @typedef {{ path: string, name: string, bytes: number, temporary: boolean }} UploadedFile
 * @typedef {{ file?: UploadedFile, rowsPerSecond?: number }} ImportInput `rowsPerSecond` slows it down, for watching;
 *   without a file the import goes on with the one of the attempt before
 */

/** @type {import('resumable-sse').AsyncTask<object, object, ImportInput>} */
export async function importOrders({ input, signal, attempt, lastProgress }, _taskId, updateProgress) {
  const file = input.file ?? findUpload(lastProgress);
  const { rowsPerSecond = lastProgress?.pace ?? Infinity } = input;
  const progress = createProgress({ file, attempt, pace: rowsPerSecond }, updateProgress, lastProgress);
  const totals = createTotals();
  let reader;
  let unclosedQuote = false;
  let turnEndsAt = performance.now() + TURN_MS;
  let dueMs = 0;

  const source = createReadStream(file.path, { signal, highWaterMark: TURN_BYTES });
  const records = source.pipe(
    parse({
      bom: true,
      info: true,
      relax_column_count: true, // a row of another length is a bad row, not the end of the import
      relax_quotes: true, // so is a stray quote; else it would swallow the rows up to the next one
      skip_empty_lines: true,
      skip_records_with_error: true,
      on_skip: () => void (unclosedQuote = true), // with the two above, what is left to go wrong is a quote without an end
    }),
  );
  source.once('error', (error) => records.destroy(error)); // an abort, too

  try {
    if (lastProgress === undefined) await progress.send();
    for await (const { record, line, lastLine, bytes } of withLines(records)) {
      if (reader === undefined) {
        reader = createOrderReader(record);
        if (reader.missing.length > 0) throw notOrders(reader.missing);
        continue;
      }
      const order = reader.read(record);
      const across = line < lastLine ? ` (lines ${line} to ${lastLine} are one row: is a quote missing?)` : '';
      if (typeof order === 'string') progress.addBadRow(line, order + across);
      else totals.add(order);
      progress.addRow(bytes);
      if (progress.badRows > MAX_BAD_ROWS) break;
      if (progress.due && !progress.isKnown) await progress.send();
      if (performance.now() >= turnEndsAt) {
        await nextTurn();
        turnEndsAt = performance.now() + TURN_MS;
      }
      dueMs += 1_000 / (rowsPerSecond * (1 + SWELL * Math.sin(dueMs / SWELL_MS)));
      if (progress.isKnown) continue; // the attempt before has told it, and waited for it
      const aheadMs = dueMs - progress.elapsedMs;
      if (aheadMs > 10) await sleep(aheadMs, undefined, { signal });
    }
    await progress.send();
    if (progress.badRows > MAX_BAD_ROWS) throw invalid(`More than ${MAX_BAD_ROWS} rows are bad: is it the right file?`);
    if (unclosedQuote)
      throw invalid(`A quote opens after row ${progress.rows} and never closes: what follows is unread`);
    if (reader === undefined) throw invalid('The file is empty');
    return { ...progress.summary(), ...totals.summary() };
  } finally {
    source.destroy();
    if (file.temporary) await rm(file.path, { force: true });
  }
}

/**
 * Each record with the lines that it takes, which are more than one where a field holds a line break. The parser says
 * on which line a record ends, and counts CR LF inside quotes twice.
 */
async function* withLines(records) {
  let linesBefore = 1;
  let countedTwice = 0;
  for await (const { record, info } of records) {
    let breaks = 0;
    if (info.lines - linesBefore > 1) {
      const text = record.join();
      breaks = text.match(/\r\n|\r|\n/g)?.length ?? 0;
      countedTwice += text.match(/\r\n/g)?.length ?? 0;
    }
    linesBefore = info.lines;
    const lastLine = info.lines - countedTwice;
    yield { record, line: lastLine - breaks, lastLine, bytes: info.bytes };
  }
}

/** What clients are told on the way: counts, and every bad row exactly once, whichever attempt has found it. */
function createProgress({ file, attempt, pace }, updateProgress, told) {
  const startedAt = performance.now() - (told?.elapsed_ms ?? 0);
  let sentAt = startedAt;
  let rows = 0;
  let bytes = 0;
  let badRows = 0;
  let unsent = [];

  return {
    get rows() {
      return rows;
    },
    get badRows() {
      return badRows;
    },
    get isKnown() {
      return rows <= (told?.rows ?? 0);
    },
    get elapsedMs() {
      return performance.now() - startedAt;
    },
    get due() {
      return unsent.length >= BAD_ROWS_PER_EVENT || performance.now() - sentAt >= PROGRESS_MS;
    },
    addRow(bytesSoFar) {
      rows++;
      bytes = bytesSoFar;
    },
    addBadRow(line, reason) {
      badRows++;
      if (badRows > (told?.bad_rows ?? 0)) unsent.push({ line, reason });
    },
    async send() {
      const rowsPerSecond = rows === 0 ? 0 : Math.round((rows / this.elapsedMs) * 1_000);
      const counts = {
        rows,
        bad_rows: badRows,
        rows_per_second: rowsPerSecond,
        elapsed_ms: Math.round(this.elapsedMs),
      };
      const event = {
        file: file.name,
        upload: file.upload,
        attempt,
        pace, // as it was asked for; the rate below is what became of it
        ...counts,
        bytes,
        bytes_total: file.bytes,
        new_bad_rows: unsent,
      };
      unsent = [];
      sentAt = performance.now();
      await updateProgress(event);
    },
    summary() {
      return { file: file.name, rows, bad_rows: badRows, elapsed_ms: Math.round(this.elapsedMs) };
    },
  };
}

/** The sums over all good rows, in all and by country, product and month. */
function createTotals() {
  const all = emptySum();
  const groups = { country: new Map(), product: new Map(), month: new Map() };

  return {
    add(order) {
      addTo(all, order);
      for (const [key, sums] of Object.entries(groups)) {
        let sum = sums.get(order[key]);
        if (sum === undefined) sums.set(order[key], (sum = emptySum()));
        addTo(sum, order);
      }
    },
    summary() {
      const months = [...groups.month].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        ...toJson(all),
        by_country: greatest(groups.country, 'country'),
        by_product: greatest(groups.product, 'product'),
        by_month: months.map(([month, sum]) => ({ month, ...toJson(sum) })),
      };
    },
  };
}

/** By revenue; what is beyond the limit comes as one last line under the name null. */
function greatest(sums, key) {
  const sorted = [...sums].sort(([a, x], [b, y]) => y.cents - x.cents || (a < b ? -1 : 1));
  const lines = sorted.slice(0, MAX_GROUPS).map(([name, sum]) => ({ [key]: name, ...toJson(sum) }));
  if (sorted.length <= MAX_GROUPS) return lines;
  const others = emptySum();
  for (const [, { orders, units, cents }] of sorted.slice(MAX_GROUPS)) {
    others.orders += orders;
    others.units += units;
    others.cents += cents;
  }
  return [...lines, { [key]: null, ...toJson(others) }];
}

const emptySum = () => ({ orders: 0, units: 0, cents: 0 });

function addTo(sum, { quantity, cents }) {
  sum.orders++;
  sum.units += quantity;
  sum.cents += cents;
}

const toJson = ({ orders, units, cents }) => ({ orders, units, revenue: cents / 100 });

const invalid = (message) => new TaskError('INVALID_INPUT', message); // a TaskError reaches the client as it is
const notOrders = (missing) =>
  invalid(`The first line must name the columns ${COLUMNS.join(', ')}; missing: ${missing.join(', ')}`);
