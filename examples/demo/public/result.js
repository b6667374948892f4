// What an import has found: how the file is written, and a line for each column.
import { whole } from './element.js';

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const DELIMITERS = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'pipe' };
const HEADINGS = [
  'Column',
  'Type',
  'Filled',
  'Distinct',
  'Least',
  'Greatest',
  'Mean',
  'Longest',
  'Most frequent',
  'Others',
];
const NUMERIC = new Set(['Filled', 'Distinct', 'Mean', 'Longest']);
const SHORT = new Set(['Type', 'Least', 'Greatest']);
const TOP_SHOWN = 3;

/** The format in a line: "UTF-8 · comma · CRLF · header · 8 columns". */
export function formatText({ gzip, encoding, encoding_by, delimiter, line_ends, header, columns, skipped_lines }) {
  return [
    gzip && 'gzip',
    `${encoding.toUpperCase()} (${encoding_by})`,
    delimiter === null ? 'one column' : (DELIMITERS[delimiter] ?? `“${delimiter}”`),
    line_ends.join(' and ') || 'one line',
    header ? 'header' : 'no header',
    delimiter !== null && `${whole.format(columns)} columns`,
    skipped_lines > 0 && `${skipped_lines} ${skipped_lines === 1 ? 'line' : 'lines'} above the table skipped`,
  ]
    .filter(Boolean)
    .join(' · ');
}

export function summaryText({ rows, bad_rows, elapsed_ms, columns }) {
  const seconds = (elapsed_ms / 1_000).toFixed(1);
  return `${whole.format(rows)} rows read in ${seconds} s, ${whole.format(bad_rows)} of them bad. ${whole.format(columns.length)} columns:`;
}

/** @param {HTMLTableElement} table */
export function showColumns(table, columns) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const heading of HEADINGS) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = heading;
    if (NUMERIC.has(heading)) cell.className = 'number';
    head.append(cell);
  }
  const body = table.createTBody();
  for (const column of columns) {
    const row = body.insertRow();
    const name = document.createElement('th');
    name.scope = 'row';
    name.textContent = column.name;
    row.append(name);
    cellsOf(column).forEach((text, at) => {
      const cell = row.insertCell();
      cell.textContent = text;
      if (NUMERIC.has(HEADINGS[at + 1])) cell.className = 'number';
      if (SHORT.has(HEADINGS[at + 1])) cell.className = 'short';
    });
  }
}

function cellsOf({ type, filled, empty, distinct, distinct_exact, min, max, mean, longest, top, others }) {
  const share = filled + empty === 0 ? 0 : filled / (filled + empty);
  const frequent = top.slice(0, TOP_SHOWN).map(({ value, count, at_most }) => {
    return `${clip(value, 24)} (${at_most > count ? '≥ ' : ''}${whole.format(count)})`;
  });
  return [
    type,
    empty === 0 ? 'all' : `${(Math.floor(share * 1_000) / 10).toFixed(1)} %`,
    `${distinct_exact ? '' : '≈ '}${whole.format(distinct)}`,
    shown(min),
    shown(max),
    mean === undefined ? '' : number.format(mean),
    longest === undefined ? '' : whole.format(longest.length),
    distinct === filled && filled > 1 ? 'each once' : frequent.join(', '),
    others === undefined
      ? ''
      : `${whole.format(others.count)}, first “${clip(others.value, 16)}” in line ${whole.format(others.line)}`,
  ];
}

const shown = (value) => (typeof value === 'number' ? number.format(value) : (value ?? ''));

const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
