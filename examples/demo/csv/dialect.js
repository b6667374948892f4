// Finds out how a text is delimited: between its cells, around them, where its table begins, and whether it has a header.
import Papa from 'papaparse';
import { BOOLEAN, isNothing, readValue } from './values.js';

const DELIMITERS = [',', ';', '\t', '|'];
/** Stand for "none": characters that no text has. */
const NO_DELIMITER = '\0';
export const NO_QUOTE = '\x01';

const SAMPLE_ROWS = 500;
/** Below this the rows have too little in common to be rows of several cells. */
const LEAST_SCORE = 0.4;
/** A header is no essay. */
const LONGEST_NAME = 120;

/**
 * @typedef {object} Dialect
 * @property {string} delimiter NUL where there is one column
 * @property {string} quote
 * @property {string} escape what precedes a quote inside quotes: another quote, or a backslash
 * @property {readonly string[]} names of the columns, made up where there is no header
 * @property {boolean} header
 * @property {number} skippedLines above the table: the `sep=` line, a title, an address
 */

/**
 * @param {string} sample whole lines from the start of the text, with line feeds
 * @returns {Dialect | undefined} undefined where there is nothing but white space
 */
export function findDialect(sample) {
  const sep = /^"?sep=([^\n"]|"(?=\n))"?\n/i.exec(sample);
  const text = sep ? sample.slice(sep[0].length) : sample;
  if (text.trim() === '') return undefined;
  const escape = /\\"/.test(text) && !/[^,;\t|\n]""[^,;\t|\n]/.test(text) ? '\\' : '"';
  const candidates = sep?.[1] ? [sep[1]] : DELIMITERS;
  const scored = candidates.map((delimiter) => {
    const quoting = quotingOf(text, delimiter, escape);
    const rows = parseSample(text, { delimiter, ...quoting });
    return { delimiter, ...quoting, rows, score: sep ? 1 : scoreOf(rows) };
  });
  let best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  if (best.score < LEAST_SCORE) {
    const single = { delimiter: NO_DELIMITER, ...quotingOf(text, NO_DELIMITER, escape) };
    best = { ...single, rows: parseSample(text, single), score: 1 };
  }
  const { delimiter, quote, rows } = best;
  const first = startOfTable(rows);
  const cells = rows.slice(first).map((row) => row.cells);
  const width = usualWidth(cells);
  const header = isHeader(cells, width);
  const given = header ? cells[0] : Array.from({ length: width }, () => '');
  const skippedLines = (sep ? 1 : 0) + (rows[first]?.line ?? 1) - 1;
  return { delimiter, quote, escape: best.escape, names: unique(fitted(given, width, cells)), header, skippedLines };
}

/** Single quotes where they stand around the cells and double ones do not. */
function quotingOf(text, delimiter, escape) {
  if (!text.includes("'") || text.includes('"')) return { quote: '"', escape };
  const lines = text.split('\n', SAMPLE_ROWS);
  const quoted = lines.filter((line) => line.split(delimiter).some((cell) => /^'[^']*'$/.test(cell.trim())));
  if (quoted.length * 2 < lines.length) return { quote: '"', escape };
  return { quote: "'", escape: text.includes("\\'") ? '\\' : "'" };
}

/** The rows that are not blank, with the lines on which they begin, and how many of them have stray quotes. */
function parseSample(text, { delimiter, quote, escape }) {
  const { data, errors } = Papa.parse(text, {
    delimiter,
    newline: '\n',
    quoteChar: quote,
    escapeChar: escape,
    preview: SAMPLE_ROWS,
  });
  const broken = new Set(errors.map(({ row }) => row));
  const rows = [];
  let line = 1;
  data.forEach((cells, at) => {
    if (cells.length > 1 || cells[0].trim() !== '') rows.push({ cells, line, broken: broken.has(at) });
    line += 1 + cells.reduce((breaks, cell) => breaks + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0);
  });
  return rows;
}

/** How well rows of the same width come out, and cells without another delimiter in them. From 0 to 1. */
function scoreOf(rows) {
  const width = usualWidth(rows.map(({ cells }) => cells));
  if (width < 2) return 0;
  const regular = rows.filter(({ cells, broken }) => cells.length === width && !broken);
  let clean = 0;
  for (const { cells } of regular) {
    clean += cells.filter((cell) => isEmptyOrTyped(cell.trim()) || !/[,;\t|](?! )/.test(cell)).length / width;
  }
  return clean / rows.length;
}

/** The number of cells that most rows have; the first row's where that is as frequent. */
function usualWidth(rows) {
  const counts = new Map();
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [1, 0])[0];
}

/** Banks and reports write a few narrow lines above their table. */
function startOfTable(rows) {
  const width = usualWidth(rows.map(({ cells }) => cells));
  const start = rows.findIndex(({ cells }) => filledCells(cells) > Math.max(width / 2, 1));
  if (start <= 0 || width < 2) return 0;
  const regular = rows.slice(start).filter(({ cells }) => cells.length === width).length;
  return regular >= 0.8 * (rows.length - start) && regular >= 2 ? start : 0;
}

const filledCells = (cells) => cells.findLastIndex((cell) => cell.trim() !== '') + 1;

/**
 * Names are texts, all of them different, above a column whose values are something else, or at least other texts.
 *
 * @param {string[][]} rows
 */
function isHeader(rows, width) {
  const [first = [], ...rest] = rows;
  const names = first.map((cell) => cell.trim());
  const filled = names.filter((name) => name !== '');
  if (filled.length === 0 || filled.some((name) => name.length > LONGEST_NAME || name.includes('\n'))) return false;
  // A column may well be called Y.
  const typed = filled.filter((name) => isTyped(name) && value.readings !== BOOLEAN);
  if (typed.length > 0 && !isSeries(typed, filled.length)) return false;
  if (rest.length === 0) return true;
  const body = rest.filter((cells) => cells.length === width);
  let votes = 0;
  names.forEach((name, column) => {
    const values = body.map((cells) => (cells[column] ?? '').trim()).filter((text) => text !== '');
    if (name === '' || values.length === 0) return;
    const typedValues = values.filter((text) => isTyped(text)).length;
    if (typedValues > values.length / 2) votes += 2;
    else if (values.includes(name)) votes -= 2;
    else votes += 1;
  });
  return votes >= 0 && new Set(filled).size >= filled.length / 2;
}

/** Years, months or the like as names of columns: 2021, 2022, 2023 beside at least one text. */
function isSeries(typed, count) {
  const numbers = typed.map(Number);
  return (
    typed.length >= 2 &&
    typed.length < count &&
    numbers.every((number, at) => at === 0 || number === numbers[at - 1] + 1)
  );
}

const value = { readings: 0, point: 0, comma: 0, yearFirst: 0, dayFirst: 0, monthFirst: 0, time: 0 };

function isTyped(text) {
  readValue(text, value);
  return value.readings !== 0;
}

const isEmptyOrTyped = (text) => isNothing(text) || isTyped(text);

/** A delimiter at the end of each row, but not of the header, or of the header alone, makes no column. */
function fitted(names, width, rows) {
  if (names.length === width + 1 && names.at(-1).trim() === '') return names.slice(0, -1);
  const endsEmpty = names.length + 1 === width && rows.slice(1).every((cells) => (cells[width - 1] ?? '') === '');
  return endsEmpty ? [...names, ''] : names;
}

function unique(names) {
  const used = new Map();
  return names.map((given, at) => {
    const name = given.trim().replace(/\s+/g, ' ').slice(0, LONGEST_NAME) || `column ${at + 1}`;
    const times = (used.get(name) ?? 0) + 1;
    used.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}
