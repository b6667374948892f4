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

/** What is wrong with a bad row, as it is told. The cells are written as they are, without quotes of their own. */
const MISTAKES = [
  ['8 fields expected, 7 found', (cells) => cells.slice(0, 7)],
  ['8 fields expected, 9 found', (cells) => [...cells, '']],
  ['a quote opens here and never closes', (cells) => cells.with(2, `"${cells[2]}`).with(4, 'Webcam')],
];

/** Values that are not of their column's type, in rows that are good otherwise. */
const ODD_VALUES = [
  ['date', 1, '2025-02-30'],
  ['quantity', 5, 'a few'],
  ['unit_price', 6, 'on request'],
];

/**
 * @param {{ seed: number, rows: number, eol?: string, bom?: boolean, multiline?: boolean }} options `multiline`: some
 *   customers have a line break in their name, in quotes
 */
export function makeOrders({ seed, rows, eol = '\n', bom = false, multiline = false }) {
  const random = createRandom(seed);
  const pick = (list) => list[Math.floor(random() * list.length)];
  const lines = ['id,date,customer,country,product,quantity,unit_price,email'];
  /** @type {{ line: number, reason: string }[]} */
  const bad = [];
  /** How often each value stands in a good row, and how often one that is not of the type. */
  const expected = {
    rows,
    bad,
    units: 0,
    quantities: 0,
    country: {},
    product: {},
    odd: { date: 0, quantity: 0, unit_price: 0 },
  };
  const countOne = (counts, name) => (counts[name] = (counts[name] ?? 0) + 1);
  let line = 2;

  for (let id = 1; id <= rows; id++) {
    const [first, last, [product, cents]] = [pick(FIRST), pick(LAST), pick(PRODUCTS)];
    const day = new Date(Date.UTC(2025, 0, 1 + Math.floor(random() * 365))).toISOString().slice(0, 10);
    const quantity = 1 + Math.floor(random() ** 3 * 20);
    const customer = multiline && id % 7 === 0 ? `${first}${eol}${last}` : `${first} ${last}`;
    const email = `${first}.${last}${id}@example.com`.toLowerCase().replaceAll('’', '');
    const price = (cents / 100).toFixed(2);
    const country = pick(COUNTRIES);
    let row = [String(id), day, customer, country, product, String(quantity), price, email];

    const fate = random();
    if (fate < 0.008) {
      const [reason, spoil] = pick(MISTAKES);
      row[2] = `${first} ${last}`;
      bad.push({ line, reason });
      row = spoil(row.map(quote));
    } else {
      const odd = fate < 0.016 ? pick(ODD_VALUES) : undefined;
      if (odd !== undefined) {
        row[odd[1]] = odd[2];
        expected.odd[odd[0]]++;
      }
      if (odd?.[0] !== 'quantity') {
        expected.units += quantity;
        expected.quantities++;
      }
      countOne(expected.country, country);
      countOne(expected.product, product);
      row = row.map(quote);
    }
    const text = row.join(',');
    lines.push(text);
    line += text.split(eol).length;
  }
  return { csv: `${bom ? '\uFEFF' : ''}${lines.join(eol)}${eol}`, expected };
}

export const makeSample = () => makeOrders({ seed: 1, rows: 20_000 });

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
