import fc from 'fast-check';
import { formatEventId, isResumeKey, parseEventId, parseSeq } from '../../lib/sse/event-id.js';
import { itHolds } from '../support/random/property.js';

const KEY = 'Zk3aB-_0123456789abcdw';

const BAD_SEQS = [
  ...[
    '',
    'abc',
    '-1',
    '-0',
    '1.5.5',
    '1.0',
    '1e3',
    '1E3',
    '0x10',
    '0b1',
    '0o7',
    '+5',
    ' 5',
    '5 ',
    ' 5 ',
    '\t5',
    '5\n',
    '\n5',
  ],
  ...[
    '007',
    '00',
    '01',
    'NaN',
    'Infinity',
    '1_000',
    '1,000',
    '1, 2',
    '1,2',
    '5n',
    '½',
    '٣',
    '５',
    '😀',
    '5\0',
    '\u00a05',
  ],
  ...['9007199254740992', '9007199254740993', '9999999999999999', '1'.repeat(17), '1'.repeat(30), '9'.repeat(20_000)],
];
const GOOD_SEQS: [string, number][] = [
  ['0', 0],
  ['1', 1],
  ['10', 10],
  ['1000000000000000', 1e15],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
];

const BAD_KEYS = [
  ...[
    '',
    '*',
    '>',
    'a.b',
    '{x}',
    '../x',
    'a:b',
    '__proto__',
    'constructor',
    'toString',
    'a'.repeat(21),
    'a'.repeat(23),
  ],
  ...['a'.repeat(129), `${'a'.repeat(21)}=`, `${'a'.repeat(21)}+`, `${'a'.repeat(21)}/`, `${'a'.repeat(21)} `],
  ...[`${'a'.repeat(21)}é`, `${'a'.repeat(21)}☃`, `${'a'.repeat(20)}☃a`, `${'a'.repeat(22)}\n`, `\n${'a'.repeat(22)}`],
  ...[
    `${'a'.repeat(21)}\0`,
    `${'a'.repeat(21)}\u200f`,
    `${'a'.repeat(21)}\ufffd`,
    `${'a'.repeat(11)}\r\nX:1${'a'.repeat(7)}`,
  ],
];

describe('parseSeq', () => {
  it.each(GOOD_SEQS)('reads %s', (text, seq) => {
    expect(parseSeq(text)).toBe(seq);
  });

  it.each(BAD_SEQS.map((text) => [text.slice(0, 40), text]))('refuses %j', (_, text) => {
    expect(parseSeq(text)).toBeUndefined();
  });

  itHolds('reads a number exactly when it would be written like that', [fc.string({ maxLength: 17 })], (text) => {
    const seq = parseSeq(text);
    if (seq !== undefined) expect(String(seq)).toBe(text);
  });
});

describe('isResumeKey', () => {
  it.each([KEY, 'a'.repeat(22), '-'.repeat(22), '_'.repeat(22)])('takes %s', (key) => {
    expect(isResumeKey(key)).toBe(true);
  });

  it.each(BAD_KEYS)('refuses %j', (key) => {
    expect(isResumeKey(key)).toBe(false);
  });
});

describe('parseEventId', () => {
  it.each(GOOD_SEQS)('reads key and seq %s', (text, seq) => {
    expect(parseEventId(`${KEY}.${text}`)).toEqual({ resumeKey: KEY, seq, epoch: 1 });
  });

  it('reads which holder of the task wrote the event', () => {
    expect(parseEventId(`${KEY}.7.2`)).toEqual({ resumeKey: KEY, seq: 7, epoch: 2 });
  });

  it.each(BAD_SEQS.map((text) => [text.slice(0, 40), text]))('refuses the seq %j', (_, text) => {
    expect(parseEventId(`${KEY}.${text}`)).toBeUndefined();
    expect(parseEventId(text)).toBeUndefined();
  });

  it.each(BAD_KEYS)('refuses the key %j', (key) => {
    expect(parseEventId(`${key}.1`)).toBeUndefined();
  });

  it.each([
    KEY,
    `${KEY}1`,
    `${KEY}:1`,
    `${KEY}..1`,
    `.${KEY}.1`,
    `${KEY}.1.1`,
    `${KEY}.1.02`,
    `${KEY}.1.2.3`,
    `${KEY}.1.`,
    ` ${KEY}.1`,
    `${KEY} .1`,
    `${KEY}.1, ${KEY}.2`,
    '.',
    '.1',
    '1',
  ])('refuses %j', (text) => {
    expect(parseEventId(text)).toBeUndefined();
  });

  itHolds(
    'reads every id that was written, and no other',
    [fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), fc.maxSafeNat(), fc.string({ unit: 'binary', maxLength: 3 })],
    (resumeKey, seq, more) => {
      const id = formatEventId(resumeKey, seq);
      expect(parseEventId(id)).toEqual({ resumeKey, seq, epoch: 1 });
      const changed = parseEventId(`${id}${more}`);
      if (changed !== undefined)
        expect(formatEventId(changed.resumeKey, changed.seq, changed.epoch)).toBe(`${id}${more}`);
    },
  );
});
