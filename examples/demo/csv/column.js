// Profiles one column: its type, how much of it is filled, how many values it has, and the least, greatest and longest.
import { copy, createCounter } from './distinct.js';
import * as values from './values.js';

/** A type is that of nine values in ten; the others are told, and left out of its figures. */
const LEAST_SHARE = 0.9;
const SHOWN_LENGTH = 60;

/**
 * What a value can be read as, and where its figures then stand.
 *
 * @type {{ type: ColumnSummary['type'], reading: number, key: undefined | 'yearFirst' | 'dayFirst' | 'monthFirst' | 'time' | 'point' | 'comma' }[]}
 */
const READINGS = [
  { type: 'boolean', reading: values.BOOLEAN, key: undefined },
  { type: 'date', reading: values.YEAR_FIRST, key: 'yearFirst' },
  { type: 'date', reading: values.DAY_FIRST, key: 'dayFirst' },
  { type: 'date', reading: values.MONTH_FIRST, key: 'monthFirst' },
  { type: 'timestamp', reading: values.TIMESTAMP, key: 'time' },
  { type: 'number', reading: values.POINT, key: 'point' },
  { type: 'number', reading: values.COMMA, key: 'comma' },
  { type: 'integer', reading: values.WHOLE, key: undefined },
];
/** The order in which they are tried: a tie goes to the earlier one. */
const ORDER = [0, 1, 2, 3, 4, 5, 6];
const COMMA_FIRST = [0, 1, 2, 3, 4, 6, 5];
const WHOLE = 7;

/**
 * @typedef {object} ColumnSummary
 * @property {string} name
 * @property {'integer' | 'number' | 'boolean' | 'date' | 'timestamp' | 'text' | 'empty'} type
 * @property {number} filled values that are not empty; `NULL`, `\N`, `N/A`, `#N/A` and `NaN` are
 * @property {number} empty
 * @property {number} distinct
 * @property {boolean} distinct_exact false where it is an estimate
 * @property {number | string} [min] @property {number | string} [max] dates as 2025-01-31
 * @property {number} [mean]
 * @property {{ length: number, value: string, line: number }} [longest]
 * @property {{ value: string, count: number, at_most: number }[]} top
 * @property {{ count: number, line: number, value: string }} [others] values that are not of the type, and the first one
 */

/**
 * @param {string} name
 * @param {{ room: import('./distinct.js').Room, commaFirst: boolean }} options `commaFirst`:
 *   where "1,234" may be either, the comma is that of a fraction
 */
export function createColumn(name, { room, commaFirst }) {
  const counter = createCounter(room);
  /** @type {values.Value} */
  const value = { readings: 0, point: 0, comma: 0, yearFirst: 0, dayFirst: 0, monthFirst: 0, time: 0 };
  const ranges = {
    point: range(),
    comma: range(),
    yearFirst: range(),
    dayFirst: range(),
    monthFirst: range(),
    time: range(),
  };
  /** How many values each reading fits, in the order of `READINGS`. */
  const counts = new Float64Array(READINGS.length);
  /** The first value that each reading does not fit. @type {({ line: number, value: string } | undefined)[]} */
  const misfits = READINGS.map(() => undefined);
  let filled = 0;
  let empty = 0;
  let longest = { length: 0, value: '', line: 0 };

  return {
    /** @param {string} cell @param {number} line */
    add(cell, line) {
      const text = cell.trim();
      if (values.isNothing(text)) {
        empty++;
        return;
      }
      filled++;
      counter.add(text);
      if (text.length > longest.length) longest = { length: text.length, value: clip(text), line };
      values.readValue(text, value);
      const { readings } = value;
      for (let at = 0; at < READINGS.length; at++) {
        const { reading, key } = READINGS[at];
        if ((readings & reading) === 0) {
          misfits[at] ??= { line, value: clip(text) };
          continue;
        }
        counts[at]++;
        if (key !== undefined) ranges[key].add(value[key]);
      }
    },
    /** @param {number} topLimit @returns {ColumnSummary} */
    summary(topLimit) {
      const distinct = { distinct: Math.min(counter.distinct, filled), distinct_exact: counter.isExact };
      const common = {
        name,
        type: /** @type {const} */ ('empty'),
        filled,
        empty,
        ...distinct,
        top: counter.top(topLimit),
      };
      if (filled === 0) return common;
      const best = bestReading(counts, filled, commaFirst ? COMMA_FIRST : ORDER);
      if (best === undefined) return { ...common, type: 'text', longest };
      const { type, key } = READINGS[best];
      const isWhole = type === 'number' && counts[WHOLE] >= counts[best];
      const others = counts[best] < filled && {
        others: { count: filled - counts[best], .../** @type {any} */ (misfits[best]) },
      };
      return {
        ...common,
        type: isWhole ? 'integer' : type,
        ...(key && figures(type, ranges[key])),
        longest,
        ...others,
      };
    },
  };
}

/** The one that fits most values, and enough of them. */
function bestReading(counts, filled, order) {
  const [first, ...rest] = order;
  const best = rest.reduce((a, b) => (counts[b] > counts[a] ? b : a), first);
  return counts[best] >= LEAST_SHARE * filled ? best : undefined;
}

function figures(type, { min, max, mean }) {
  if (type === 'date') return { min: dayText(min), max: dayText(max) };
  if (type === 'timestamp') return { min: new Date(min).toISOString(), max: new Date(max).toISOString() };
  return { min, max, mean: Number(mean.toPrecision(12)) };
}

const dayText = (day) =>
  String(day)
    .padStart(8, '0')
    .replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');

function range() {
  return {
    count: 0,
    min: Infinity,
    max: -Infinity,
    mean: 0,
    add(number) {
      this.count++;
      if (number < this.min) this.min = number;
      if (number > this.max) this.max = number;
      this.mean += (number - this.mean) / this.count;
    },
  };
}

function clip(text) {
  return text.length > SHOWN_LENGTH ? `${copy(text.slice(0, SHOWN_LENGTH))}…` : copy(text);
}
