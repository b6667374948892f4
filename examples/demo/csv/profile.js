// Profiles a file of delimited text: finds out how it is written, then reads its rows one after another, in bounded memory.
import { encodingOfAll, encodingOfHead } from './encoding.js';
import { createColumn } from './column.js';
import { FileError, openBytes } from './bytes.js';
import { findDialect } from './dialect.js';
import { refusalOf } from './kind.js';
import { readRows } from './rows.js';
import { decode, lineEndsOf } from './text.js';
import iconv from 'iconv-lite';

const SAMPLE_BYTES = 262_144;
/** More columns than anybody looks at; a file that has more is still read row by row. */
const MAX_COLUMNS = 200;
/** Distinct values that all columns together may count exactly. */
const EXACTLY_COUNTED = 100_000;
const TOP_VALUES = 5;
/** What a decoder leaves where bytes were none of the encoding's. */
const NOT_DECODED = /[\uFFFD\p{Surrogate}]/u;

/**
 * @typedef {object} Format how the file is written
 * @property {boolean} gzip
 * @property {import('./encoding.js').Encoding} encoding
 * @property {import('./dialect.js').Dialect} dialect
 * @property {string[]} lineEnds of its first lines
 */

/**
 * @param {string} path
 * @param {{ charset?: string, signal?: AbortSignal }} options what its sender says of its encoding
 * @returns {Promise<Format>}
 * @throws FileError where it holds no table, with a sentence that says what it is
 */
export async function examine(path, { charset, signal }) {
  const { gzip, head } = await readHead(path, signal);
  if (head.length === 0) throw new FileError('The file is empty');
  const encoding = encodingOfHead(head, charset) ?? (await examineAll(path, signal, head, charset !== undefined));
  const sample = iconv.decode(head, encoding.name);
  const refusal = await refusalOf(head, sample);
  if (refusal !== undefined) throw new FileError(refusal);
  const whole = head.length < SAMPLE_BYTES;
  const unified = sample.replace(/\r\n?/g, '\n');
  const dialect = findDialect(whole ? unified : unified.slice(0, unified.lastIndexOf('\n') + 1) || unified);
  if (dialect === undefined) throw new FileError('The file holds nothing but blank lines');
  return { gzip, encoding, dialect, lineEnds: lineEndsOf(sample) };
}

async function readHead(path, signal) {
  const bytes = await openBytes(path, signal);
  const parts = [];
  let length = 0;
  try {
    for await (const chunk of bytes.chunks) {
      parts.push(Buffer.from(chunk));
      length += chunk.length;
      if (length >= SAMPLE_BYTES) break;
    }
  } finally {
    await bytes.close();
  }
  return { gzip: bytes.gzip, head: Buffer.concat(parts) };
}

async function examineAll(path, signal, head, declared) {
  // A picture of a gigabyte need not be read to its end.
  const refusal = await refusalOf(head, head.toString('latin1'));
  if (refusal !== undefined) throw new FileError(refusal);
  const bytes = await openBytes(path, signal);
  try {
    return await encodingOfAll(bytes.chunks, declared);
  } finally {
    await bytes.close();
  }
}

/**
 * Reads the rows of a file whose format is known.
 *
 * @param {string} path
 * @param {Format} format
 * @param {AbortSignal} [signal]
 * @returns {AsyncGenerator<{ rows: import('./rows.js').Row[], bytesRead: number }>} the header is none of the rows
 */
export async function* rowsOf(path, { encoding, dialect }, signal) {
  const bytes = await openBytes(path, signal);
  let headerDue = dialect.header;
  try {
    for await (const rows of readRows(decode(bytes.chunks, encoding.name), dialect)) {
      const kept = rows.filter(({ line }) => line > dialect.skippedLines);
      if (headerDue && kept.length > 0) {
        kept.shift();
        headerDue = false;
      }
      yield { rows: kept, bytesRead: bytes.bytesRead() };
    }
  } finally {
    await bytes.close();
  }
}

/**
 * Takes rows one by one, and says what is wrong with those that are bad.
 *
 * @param {Format} format
 */
export function createProfile({ encoding, dialect }) {
  const { names, delimiter } = dialect;
  const profiled = names.slice(0, MAX_COLUMNS);
  const room = { values: EXACTLY_COUNTED };
  const columns = profiled.map((name) => createColumn(name, { room, commaFirst: delimiter === ';' }));
  const mayBeInvalid = !encoding.valid || encoding.name !== 'utf-8';

  return {
    /** @param {import('./rows.js').Row} row @returns {string | undefined} why it is a bad row */
    add({ line, lines, cells, stray, problem }) {
      if (problem !== undefined) return problem;
      if (cells.length !== names.length) {
        const across = lines > 1 ? `lines ${line} to ${line + lines - 1} are one row: ` : '';
        const hint = lines > 1 || stray ? ` (${across}is a quote missing?)` : '';
        return `${names.length} fields expected, ${cells.length} found${hint}`;
      }
      const invalid = mayBeInvalid ? cells.findIndex((cell) => NOT_DECODED.test(cell)) : -1;
      if (invalid !== -1) return `${names[invalid]} is not valid ${encoding.name.toUpperCase()}`;
      columns.forEach((column, at) => column.add(cells[at], line));
      return undefined;
    },
    /** A nameless column without a value is what a delimiter at the end of each row makes. */
    summary() {
      return columns
        .map((column) => column.summary(TOP_VALUES))
        .filter(({ name, type }, at) => type !== 'empty' || at < names.length - 1 || name !== `column ${at + 1}`);
    },
  };
}

/** The format as JSON, for those who watch. @param {Format} format */
export function describeFormat({ gzip, encoding, dialect, lineEnds }) {
  const { delimiter, quote, header, names, skippedLines } = dialect;
  return {
    gzip,
    encoding: encoding.name,
    encoding_by: encoding.by,
    delimiter: delimiter === '\0' ? null : delimiter,
    quote,
    line_ends: lineEnds,
    header,
    columns: names.length,
    skipped_lines: skippedLines,
  };
}
