import { expect as check } from '../../lib/testing/expect.js';

const HOLDS: readonly [string, () => void][] = [
  ['toBe', () => check(1).toBe(1)],
  ['toBe, of NaN', () => check(NaN).toBe(NaN)],
  ['not toBe', () => check({}).not.toBe({})],
  ['toEqual', () => check({ a: [1, { b: undefined }] }).toEqual({ a: [1, {}] })],
  ['not toEqual', () => check([1]).not.toEqual([1, 2])],
  ['toMatchObject', () => check({ a: 1, b: { c: 2, d: 3 } }).toMatchObject({ b: { c: 2 } })],
  ['toMatchObject, of arrays', () => check([{ a: 1, b: 2 }]).toMatchObject([{ a: 1 }])],
  ['toHaveProperty', () => check({ a: undefined }).toHaveProperty('a')],
  ['toHaveLength', () => check([1, 2]).toHaveLength(2)],
  ['toContain', () => check(['a']).toContain('a')],
  ['toBeUndefined', () => check(undefined).toBeUndefined()],
  ['toBeGreaterThan', () => check(2).toBeGreaterThan(1)],
  ['toBeGreaterThanOrEqual', () => check(2).toBeGreaterThanOrEqual(2)],
  ['toBeLessThanOrEqual', () => check(2).toBeLessThanOrEqual(2)],
];

const FAILS: readonly [string, () => void][] = [
  ['toBe', () => check(1).toBe(2)],
  ['not toBe', () => check(1).not.toBe(1)],
  ['toEqual, where more is there', () => check({ a: 1, b: 2 }).toEqual({ a: 1 })],
  ['toEqual, where less is there', () => check({ a: 1 }).toEqual({ a: 1, b: 2 })],
  ['toEqual, of an array and an object', () => check([]).toEqual({})],
  ['toMatchObject', () => check({ a: 1 }).toMatchObject({ a: 2 })],
  ['toMatchObject, of a longer array', () => check([1, 2]).toMatchObject([1])],
  ['toMatchObject, of nothing', () => check(undefined).toMatchObject({ a: 1 })],
  ['toHaveProperty', () => check({}).toHaveProperty('a')],
  ['toHaveLength', () => check([]).toHaveLength(1)],
  ['toContain', () => check([]).toContain('a')],
  ['not toContain', () => check(['a']).not.toContain('a')],
  ['toBeUndefined', () => check(null).toBeUndefined()],
  ['toBeGreaterThan', () => check(1).toBeGreaterThan(1)],
  ['toBeGreaterThanOrEqual', () => check(1).toBeGreaterThanOrEqual(2)],
  ['toBeLessThanOrEqual', () => check(3).toBeLessThanOrEqual(2)],
];

describe('an assertion of the suites', () => {
  it.each(HOLDS)('holds: %s', (_name, assertion) => {
    expect(assertion).not.toThrow();
  });

  it.each(FAILS)('fails: %s', (_name, assertion) => {
    expect(assertion).toThrow(expect.objectContaining({ code: 'ERR_ASSERTION' }));
  });
});
