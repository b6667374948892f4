// Reads one value in all the ways in which it can be read: "1,234" is a number here and another one there, and which of
// them it is only the whole column tells.

/** The readings, one bit each. */
export const POINT = 1; // 1,234.56
export const COMMA = 2; // 1.234,56
export const WHOLE = 4; // a number without a fraction, in either notation
export const BOOLEAN = 8;
export const YEAR_FIRST = 16; // 2025-01-31
export const DAY_FIRST = 32; // 31.01.2025
export const MONTH_FIRST = 64; // 01/31/2025
export const TIMESTAMP = 128; // a date with a time of day, or a bare date in ISO 8601

/** Databases and spreadsheets write these for "nothing". */
const NOTHING = /^(null|\\n|n\/a|#n\/a|nan)$/i;
const BOOLEANS = /^(true|false|yes|no|y|n)$/i;
/** A leading zero makes it a code: a postcode, a telephone number, an article number. */
const PLAIN_WHOLE = /^[+-]?(0|[1-9]\d{0,14})$/;
const POINTED = /^[+-]?((\d{1,3}(,\d{3})+|0|[1-9]\d{0,14})(\.\d+)?|\.\d+)(e[+-]?\d{1,3})?$/i;
const COMMAED = /^[+-]?((\d{1,3}([.\u00a0\u202f '’]\d{3})+|0|[1-9]\d{0,14})(,\d+)?|,\d+)$/;
const CURRENCY = /^([+-]?)\s?[€$£¥]\s?|\s?([€$£¥%]|EUR|USD|GBP|CHF)$/g;
const LONGEST_NUMBER = 40;

const DATE = /^(?:(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/.])(\d{1,2})\6(\d{4}))/;
const NAMED_DATE = /^(\d{1,2})[- ]([a-z]{3})[a-z]*[- ](\d{4})$/i;
const TIME = /^[T ](\d{1,2}):(\d\d)(?::(\d\d)(\.\d+)?)?\s?(Z|[+-]\d\d:?\d\d)?$/;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** @typedef {{ readings: number, point: number, comma: number, yearFirst: number, dayFirst: number, monthFirst: number, time: number }} Value days as yyyymmdd, times in ms */

export const isNothing = (text) => text === '' || (text.length <= 4 && NOTHING.test(text));

/**
 * @param {string} text without white space around it
 * @param {Value} value takes the result; one object serves a whole column
 */
export function readValue(text, value) {
  value.readings = 0;
  if (text.length > LONGEST_NUMBER) return;
  const first = text.charCodeAt(0);
  if ((first >= 65 && first <= 90) || (first >= 97 && first <= 122)) {
    if (BOOLEANS.test(text)) value.readings = BOOLEAN;
    return;
  }
  if (PLAIN_WHOLE.test(text)) {
    value.point = value.comma = Number(text);
    value.readings = POINT | COMMA | WHOLE;
    return;
  }
  if (!readDay(text, value)) readNumber(text, value);
}

function readNumber(text, value) {
  const bare = text.replace(CURRENCY, '$1');
  if (POINTED.test(bare)) {
    value.point = Number(bare.replaceAll(',', ''));
    if (Number.isFinite(value.point))
      value.readings |= POINT | (Number.isInteger(value.point) && !bare.includes('.') ? WHOLE : 0);
  }
  if (COMMAED.test(bare)) {
    value.comma = Number(bare.replace(/[.\u00a0\u202f '’]/g, '').replace(',', '.'));
    value.readings |= COMMA | (Number.isInteger(value.comma) && !bare.includes(',') ? WHOLE : 0);
  }
}

function readDay(text, value) {
  if (text.length < 8) return false;
  const named = NAMED_DATE.exec(text);
  if (named) {
    const month = MONTHS.indexOf(named[2].toLowerCase()) + 1;
    if (!isDay(Number(named[3]), month, Number(named[1]))) return false;
    value.dayFirst = value.monthFirst = value.yearFirst = dayOf(Number(named[3]), month, Number(named[1]));
    value.readings = DAY_FIRST | MONTH_FIRST | YEAR_FIRST;
    return true;
  }
  const date = DATE.exec(text);
  if (!date) return false;
  const time = text.length === date[0].length ? 0 : timeOf(text.slice(date[0].length));
  if (time === undefined) return false;
  const dateAlone = text.length === date[0].length;
  if (date[1] !== undefined) {
    const [year, month, day] = [Number(date[1]), Number(date[3]), Number(date[4])];
    if (!isDay(year, month, day)) return false;
    value.yearFirst = dayOf(year, month, day);
    value.time = Date.UTC(year, month - 1, day) + time;
    value.readings = TIMESTAMP | (dateAlone ? YEAR_FIRST : 0);
    return true;
  }
  const [one, two, year] = [Number(date[5]), Number(date[7]), Number(date[8])];
  if (isDay(year, two, one)) {
    value.dayFirst = dayOf(year, two, one);
    value.time = Date.UTC(year, two - 1, one) + time;
    value.readings |= dateAlone ? DAY_FIRST : TIMESTAMP;
  }
  if (isDay(year, one, two)) {
    value.monthFirst = dayOf(year, one, two);
    if (value.readings === 0) value.time = Date.UTC(year, one - 1, two) + time;
    value.readings |= dateAlone ? MONTH_FIRST : TIMESTAMP;
  }
  return value.readings !== 0;
}

function timeOf(text) {
  const time = TIME.exec(text);
  if (!time) return undefined;
  const [, hours, minutes, seconds = '0', fraction = '0', zone = 'Z'] = time;
  if (Number(hours) > 24 || Number(minutes) > 59 || Number(seconds) > 60) return undefined;
  const [, sign = '+', zoneHours = '0', zoneMinutes = '0'] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? [];
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  return (Number(hours) * 60 + Number(minutes) - offset) * 60_000 + (Number(seconds) + Number(fraction)) * 1_000;
}

const dayOf = (year, month, day) => year * 10_000 + month * 100 + day;

function isDay(year, month, day) {
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}
