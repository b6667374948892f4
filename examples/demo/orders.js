// What an order is: the columns of the file, and the rules for each.

/** @typedef {{ id: number, month: string, country: string, product: string, quantity: number, cents: number }} Order */

export const COLUMNS = ['id', 'date', 'customer', 'country', 'product', 'quantity', 'unit_price', 'email'];

/** Longer fields are refused before anything looks into them. */
const MAX_FIELD_LENGTH = 200;
const SHOWN_LENGTH = 30;

/** @type {Readonly<Record<string, readonly [(text: string) => boolean, string]>>} */
const RULES = {
  id: [matches(/^[1-9]\d{0,14}$/), 'a whole number above 0'],
  date: [isDate, 'a date such as 2025-01-31, from 2000 to 2099'],
  customer: [isText, 'a name'],
  country: [matches(/^[A-Z]{2}$/), 'two capital letters'],
  product: [isText, 'a name'],
  quantity: [matches(/^[1-9]\d{0,4}$/), 'a whole number from 1 to 99999'],
  unit_price: [matches(/^\d{1,6}(\.\d{1,2})?$/), 'a price such as 12.50'],
  email: [matches(/^[^\s@]+@[^\s@]+\.[^\s@]+$/), 'an e-mail address'],
};

/**
 * Reads rows of one file, whose columns may come in any order and with others between them.
 *
 * @param {readonly string[]} header
 * @returns {{ missing: string[], read: (fields: readonly string[]) => Order | string }} `read` returns the order, or
 *   what is wrong with the row
 */
export function createOrderReader(header) {
  const names = header.map((name) => name.trim().toLowerCase());
  const index = new Map(COLUMNS.map((column) => [column, names.indexOf(column)]));
  const missing = COLUMNS.filter((column) => index.get(column) === -1);
  const ids = new Set();

  const read = (fields) => {
    if (fields.length !== header.length) return `${header.length} fields expected, ${fields.length} found`;
    const text = {};
    for (const column of COLUMNS) {
      const value = fields[Number(index.get(column))].trim();
      const [holds, rule] = RULES[column];
      if (value.length > MAX_FIELD_LENGTH) return `${column} is longer than ${MAX_FIELD_LENGTH} characters`;
      if (value.includes('\uFFFD')) return `${column} is not valid UTF-8`;
      if (!holds(value)) return `${column} must be ${rule}, found ${shown(value)}`;
      text[column] = value;
    }
    const id = Number(text.id);
    if (ids.has(id)) return `id ${id} was there before`;
    ids.add(id);
    const quantity = Number(text.quantity);
    const cents = quantity * centsOf(text.unit_price);
    return { id, month: text.date.slice(0, 7), country: text.country, product: text.product, quantity, cents };
  };

  return { missing, read };
}

function matches(pattern) {
  return (text) => pattern.test(text);
}

function isText(text) {
  return text !== '';
}

function isDate(text) {
  if (!/^20\d\d-\d\d-\d\d$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text); // the 30th of February becomes March
}

/** Money is added up in whole cents: sums of floats drift. */
function centsOf(price) {
  const [whole, fraction = ''] = price.split('.');
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
}

function shown(value) {
  if (value === '') return 'nothing';
  return JSON.stringify(value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value);
}
