// Makes CSV files of orders, some of them bad, and knows what an import of them must say.
// `node examples/demo/make-sample.js` writes sample.csv anew: the same seed, the same file.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FIRST = ['Ana', 'Ben', 'Chloé', 'Dmitri', 'Eva', 'Farid', 'Grace', 'Hiroshi', 'Inès', 'Jonas', 'Kofi', 'Łucja'];
const LAST = ['Silva', 'Okafor', 'Müller', 'Tanaka', 'Novák', 'Rossi', 'Smith', 'García', 'Dubois', 'Hansen', 'O’Neil'];
const COUNTRIES = ['DE', 'FR', 'US', 'GB', 'JP', 'BR', 'PL', 'NG', 'ES', 'IT', 'NL', 'SE'];
const PRODUCTS = [
  ['Desk lamp', 3490],
  ['Office chair', 18900],
  ['Notebook A5, dotted', 790],
  ['Fountain pen', 4250],
  ['Monitor 27"', 24999],
  ['USB-C cable 2 m', 1295],
  ['Standing desk', 44900],
  ['Headphones', 8950],
  ['Webcam', 5999],
  ['Paper clips (100)', 249],
];

/** What is wrong with a bad row, and how the reason for it begins. */
const MISTAKES = [
  ['id', (row) => row.with(0, 'n/a')],
  ['date', (row) => row.with(1, '2025-02-30')],
  ['customer', (row) => row.with(2, '')],
  ['country', (row) => row.with(3, 'Germany')],
  ['product', (row) => row.with(4, ' ')],
  ['quantity', (row) => row.with(5, '-3')],
  ['unit_price', (row) => row.with(6, '12,50')],
  ['email', (row) => row.with(7, 'anna at example.com')],
  ['8 fields expected, 7 found', (row) => row.slice(0, 7)],
  ['8 fields expected, 9 found', (row) => [...row, '']],
  ['id 1 was there before', (row) => row.with(0, '1')],
];

/**
 * @param {{ seed: number, rows: number, eol?: string, bom?: boolean, multiline?: boolean }} options `multiline`: some
 *   customers have a line break in their name, in quotes
 */
export function makeOrders({ seed, rows, eol = '\n', bom = false, multiline = false }) {
  const random = createRandom(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const lines = ['id,date,customer,country,product,quantity,unit_price,email'];
  /** @type {{ line: number, about: string }[]} */
  const bad = [];
  const expected = { rows, bad, orders: 0, units: 0, cents: 0, country: {}, product: {}, month: {} };
  let line = 2;

  for (let id = 1; id <= rows; id++) {
    const [first, last, [product, cents]] = [pick(FIRST), pick(LAST), pick(PRODUCTS)];
    const day = new Date(Date.UTC(2025, 0, 1 + Math.floor(random() * 365))).toISOString().slice(0, 10);
    const quantity = 1 + Math.floor(random() ** 3 * 20);
    const customer = multiline && id % 7 === 0 ? `${first}${eol}${last}` : `${first} ${last}`;
    const email = `${first}.${last}${id}@example.com`.toLowerCase().replaceAll('’', '');
    const price = (cents / 100).toFixed(2);
    let row = [String(id), day, customer, pick(COUNTRIES), product, String(quantity), price, email];

    if (id > 1 && random() < 0.01) {
      const [about, spoil] = pick(MISTAKES);
      bad.push({ line, about });
      row = spoil(row);
    } else {
      const { country, product: products, month } = expected;
      for (const sum of [expected, of(country, row[3]), of(products, product), of(month, day.slice(0, 7))]) {
        sum.orders++;
        sum.units += quantity;
        sum.cents += quantity * cents;
      }
    }
    const text = row.map(quote).join(',');
    lines.push(text);
    line += text.split(eol).length;
  }
  return { csv: `${bom ? '\uFEFF' : ''}${lines.join(eol)}${eol}`, expected };
}

export const makeSample = () => makeOrders({ seed: 1, rows: 20_000 });

function of(sums, name) {
  return (sums[name] ??= { orders: 0, units: 0, cents: 0 });
}

function quote(field) {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Mulberry32: small, and the same numbers everywhere. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('./sample.csv', import.meta.url), makeSample().csv);
}
