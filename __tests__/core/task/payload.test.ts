import { AWKWARD_TEXTS } from '../../support/random/awkward-texts.js';
import fc from 'fast-check';
import { checkEventName, toJson } from '../../../lib/core/task/payload.js';
import { encodeEvent } from '../../../lib/sse/frame.js';
import { codeOf } from '../../support/stores/store-fixtures.js';
import { itHolds } from '../../support/random/property.js';

const cycle: unknown[] = [];
cycle.push(cycle);

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let n = 0; n < levels; n++) value = [value];
  return value;
};

const fail = (message: string): never => {
  throw new Error(message);
};

const throwing = (): never => {
  throw new RangeError('no');
};

const UNSERIALIZABLE: [string, unknown][] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['a BigInt', 1n],
  ['a BigInt inside', { a: [1n] }],
  ['a cycle', cycle],
  ['a throwing toJSON', { toJSON: throwing }],
  ['a toJSON that gives undefined', { toJSON: () => undefined }],
  ['a throwing getter', Object.defineProperty({}, 'x', { get: throwing, enumerable: true })],
  ['a throwing proxy', new Proxy({}, { ownKeys: throwing })],
  ['20 000 levels', deep(20_000)],
];

const TEXTS = [...AWKWARD_TEXTS, '\x7f'];

const BAD_NAMES: unknown[] = [
  ...['', 'a\nb', 'a\rb', 'a\r\nb', 'a\0', '\0', '\n', 'a\x7f', 'a\x85b', 'a\u2028b', 'a\u2029b', 'a\ud800', '\udc00'],
  ...['x'.repeat(129), '😀'.repeat(129), 'x'.repeat(1_048_576)],
  ...[undefined, null, 5, {}, [], ['a'], Symbol('s'), true, new String('a'), () => 'a'],
];

const RESERVED = ['task', 'complete', 'failed', 'cancelled', 'gap', 'snapshot', 'open', 'error', 'message'];

const GOOD_NAMES = [
  'a',
  'token',
  'Task',
  ' a',
  'a:b',
  ':',
  'ü☃',
  '😀'.repeat(128),
  'x'.repeat(128),
  '__proto__',
  'constructor',
];

describe('toJson', () => {
  it.each(UNSERIALIZABLE)('refuses %s', async (_, data) => {
    expect(await codeOf(() => toJson(data, Infinity))).toBe('UNSERIALIZABLE');
  });

  it.each([
    ['a BigInt at rows[1].id', { rows: [{ id: 1 }, { id: 1n }] }],
    ['a BigInt', 1n],
    ['a circular reference at [0]', cycle],
    ['no', { toJSON: () => fail('no') }],
    ['it is undefined', undefined],
    ['a promise has to be awaited first', Promise.resolve(1)],
    ['a promise at rows[1].name has to be awaited first', { rows: [{}, { name: Promise.resolve(1) }] }],
    ['the promise of an async toJSON at rows[0] has to be awaited first', { rows: [{ toJSON: async () => 1 }] }],
    ['it is nested more than 1000 levels deep', deep(20_000)],
    ['it is nested more than 1000 levels deep', deep(1_001)],
  ])('says why and where it cannot be written: %s', (reason, data) => {
    expect(() => toJson(data, Infinity)).toThrow(`The data cannot be written as JSON: ${reason}`);
  });

  it.each([
    ['alone', Promise.resolve(1)],
    ['as the only member', { a: Promise.resolve(1) }],
    ['as the first member', { a: Promise.resolve(1), b: 1 }],
    ['as the last member', { a: 1, b: Promise.resolve(1) }],
    ['behind a text that holds a brace', { a: '}', b: Promise.resolve(1) }],
    ['in an array', [1, Promise.resolve(1)]],
    ['in an object that is the last of an array', [{ a: Promise.resolve(1) }]],
  ])('finds a promise %s', async (_, data) => {
    expect(await codeOf(() => toJson(data, Infinity))).toBe('UNSERIALIZABLE');
  });

  it('writes objects that are empty', () => {
    expect(toJson({}, 100)).toBe('{}');
    expect(toJson([{}, { text: '{}' }], 100)).toBe('[{},{"text":"{}"}]');
  });

  it('writes 1,000 levels on every version of Node, and no more', async () => {
    expect(toJson(deep(1_000), Infinity)).toHaveLength(2_001);
    expect(toJson({ text: '['.repeat(5_000) }, Infinity)).toHaveLength(5_011); // in a text they open nothing
    expect(await codeOf(() => toJson(deep(1_001), Infinity))).toBe('UNSERIALIZABLE');
    expect(await codeOf(() => toJson({ text: 'a "quoted\\', deep: deep(1_000) }, Infinity))).toBe('UNSERIALIZABLE');
  });

  it('writes a text of many megabytes, however many brackets are in it', () => {
    const text = '['.repeat(1_001) + 'x'.repeat(16_777_216);
    expect(toJson(text, Infinity)).toHaveLength(text.length + 2);
  });

  it('keeps what JSON.stringify threw as the cause', () => {
    expect(() => toJson(1n, 100)).toThrow(expect.objectContaining({ cause: expect.any(TypeError) }));
  });

  it.each(TEXTS)('writes %j on one line that reads back the same', (text) => {
    const json = toJson({ text }, 1_000);
    expect(json).not.toMatch(/[\r\n\0]/);
    expect(JSON.parse(json)).toEqual({ text });
  });

  it('writes a lone surrogate as an escape: valid UTF-8, and the same text again', () => {
    const json = toJson('a\ud800b', 100);
    expect(Buffer.from(json).toString()).toBe(json);
    expect(JSON.parse(json)).toBe('a\ud800b');
  });

  it.each(['x', 'ü', '☃', '😀'])(
    'measures %s in bytes of UTF-8, and takes exactly as many as are allowed',
    async (unit) => {
      for (const count of [1, 2, 50, 333]) {
        const text = unit.repeat(count);
        const bytes = Buffer.byteLength(JSON.stringify(text));
        expect(toJson(text, bytes)).toBe(JSON.stringify(text));
        expect(await codeOf(() => toJson(text, bytes - 1))).toBe('EVENT_TOO_LARGE');
      }
    },
  );

  it('says how large the data is and what is allowed', () => {
    expect(() => toJson('xxxx', 5)).toThrow('The data takes 6 bytes, maxEventBytes is 5');
  });

  itHolds('writes any JSON value as one line of valid UTF-8 that reads back the same', [fc.jsonValue()], (value) => {
    const json = toJson(value, Infinity);
    expect(json).not.toMatch(/[\r\n]/);
    expect(JSON.parse(Buffer.from(json).toString())).toEqual(JSON.parse(JSON.stringify(value)));
  });
});

describe('checkEventName', () => {
  it.each(BAD_NAMES.map((name) => [typeof name === 'string' ? JSON.stringify(name.slice(0, 12)) : typeof name, name]))(
    'refuses %s',
    async (_, name) => {
      expect(await codeOf(() => checkEventName(name))).toBe('INVALID_EVENT_NAME');
    },
  );

  it.each(RESERVED)('reserves %s', async (name) => {
    expect(await codeOf(() => checkEventName(name))).toBe('RESERVED_EVENT_NAME');
  });

  it.each(GOOD_NAMES)('accepts %s', async (name) => {
    expect(await codeOf(() => checkEventName(name))).toBeUndefined();
  });

  itHolds(
    'lets no name through that would change the lines of a frame',
    [fc.string({ unit: 'binary', maxLength: 20 })],
    async (name) => {
      if ((await codeOf(() => checkEventName(name))) !== undefined) return;
      const lines = encodeEvent('k'.repeat(22), 1, name, '1').split(/\r\n|\r|\n/);
      expect(lines).toEqual([`event: ${name}`, 'data: 1', `id: ${'k'.repeat(22)}.1`, '', '']);
      expect(Buffer.from(name).toString()).toBe(name);
    },
    300,
  );
});
