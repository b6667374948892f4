// Splits a text into rows of cells, each with its line. A quote that never closes costs the line on which it opens, and
// no more: the rows after it are read as if it were not there.
import Papa from 'papaparse';
import { NO_QUOTE } from './dialect.js';

/** A row that is not over by then has lost its closing quote, or its line breaks. */
const MAX_ROW_LENGTH = 2 ** 20;
/** Where so many quotes, and so large a share of the rows, have lost the other one, the character means something else. */
const LEAST_LOST_QUOTES = 100;
const LEAST_LOST_SHARE = 0.1;

/**
 * @typedef {object} Row
 * @property {number} line on which it begins, the first is 1
 * @property {number} lines that it takes: more than one where a cell holds a line break
 * @property {readonly string[]} cells
 * @property {boolean} [stray] a quote stands where none belongs
 * @property {string} [problem] why it is no row; it has no cells then
 */

/**
 * @param {AsyncIterable<string>} texts with line feeds, in pieces of any size
 * @param {import('./dialect.js').Dialect} dialect
 * @returns {AsyncGenerator<Row[]>} the rows that end in each piece; blank lines are none
 */
export async function* readRows(texts, dialect) {
  const reader = createRowReader(dialect);
  for await (const text of texts) yield reader.read(text);
  yield reader.end();
}

function createRowReader({ delimiter, quote, escape }) {
  let held = '';
  let line = 1;
  let sound = 0;
  let lostQuotes = 0;
  let quoteChar = quote;
  /** In the middle of a line that is too long, whose beginning has been told. */
  let skipping = false;

  const giveUpLine = (rows, problem) => {
    rows.push({ line, lines: 1, cells: [], problem });
    const end = held.indexOf('\n');
    skipping = end === -1;
    held = skipping ? '' : held.slice(end + 1);
    if (!skipping) line++;
  };

  /** Reads rows up to the first one whose quotes are wrong. Returns false where there was one. */
  const readSound = (rows, ended) => {
    let from = 0;
    let isSound = true;
    Papa.parse(held, {
      delimiter,
      newline: '\n',
      quoteChar,
      escapeChar: escape,
      step({ data: cells, errors, meta: { cursor } }, parser) {
        const last = cursor >= held.length && !ended;
        if (last) return; // the rest of it may be still to come
        const breaks = breaksIn(cells);
        if (errors.some(({ code }) => code === 'MissingQuotes') || (errors.length > 0 && breaks > 0)) {
          isSound = false;
          parser.abort();
          return;
        }
        if (!isBlank(cells)) rows.push({ line, lines: 1 + breaks, cells, ...(errors.length > 0 && { stray: true }) });
        line += 1 + breaks;
        sound++;
        from = cursor;
      },
    });
    held = ended && isSound ? '' : held.slice(from);
    return isSound;
  };

  const readHeld = (ended) => {
    const rows = [];
    if (skipping) {
      const end = held.indexOf('\n');
      skipping = end === -1 && !ended;
      held = end === -1 ? '' : held.slice(end + 1);
      if (end !== -1) line++;
    }
    while (held !== '') {
      const isSound = readSound(rows, ended);
      if (isSound && (ended || held.length <= MAX_ROW_LENGTH)) break;
      const quoted = held.slice(0, held.indexOf('\n') + 1 || held.length).includes(quote);
      if (quoted) lostQuotes++;
      if (lostQuotes > LEAST_LOST_QUOTES && lostQuotes > LEAST_LOST_SHARE * sound) quoteChar = NO_QUOTE;
      giveUpLine(rows, quoted ? 'a quote opens here and never closes' : 'the line is longer than 1 MiB');
    }
    return rows;
  };

  return {
    read(text) {
      held += text;
      return readHeld(false);
    },
    end: () => readHeld(true),
  };
}

function breaksIn(cells) {
  let breaks = 0;
  for (const cell of cells) {
    for (let at = cell.indexOf('\n'); at !== -1; at = cell.indexOf('\n', at + 1)) breaks++;
  }
  return breaks;
}

/** Ctrl-Z is how DOS ended its files. */
const isBlank = (cells) => cells.length === 1 && (cells[0] === '\x1a' || cells[0].trim() === '');
