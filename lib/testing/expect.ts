/** Asserts in the suites, without the `expect` of any test runner. */
import { AssertionError } from 'node:assert';

/** The few assertions that the suites make, so that they need none of a runner's own. */

type Json = Record<string, unknown>;

interface Assertions {
  toBe(expected: unknown): void;
  /** Equal in structure; a member that is undefined counts as missing. */
  toEqual(expected: unknown): void;
  /** Has at least the members of `expected`, at all depths. Arrays are compared element by element. */
  toMatchObject(expected: object): void;
  toHaveProperty(name: string): void;
  toHaveLength(length: number): void;
  toContain(item: unknown): void;
  toBeUndefined(): void;
  toBeGreaterThan(limit: number): void;
  toBeGreaterThanOrEqual(limit: number): void;
  toBeLessThanOrEqual(limit: number): void;
}

export function expect(actual: unknown): Assertions & { readonly not: Assertions } {
  return { ...assertions(actual, true), not: assertions(actual, false) };
}

function assertions(actual: unknown, holds: boolean): Assertions {
  const check = (what: string, ok: boolean, expected: unknown): void => {
    if (ok === holds) return;
    const message = `Expected ${show(actual)} ${holds ? '' : 'not '}${what} ${show(expected)}`;
    throw new AssertionError({ message, actual, expected, operator: what });
  };
  const list = actual as { readonly length: number; includes(item: unknown): boolean };
  return {
    toBe: (expected) => check('to be', Object.is(actual, expected), expected),
    toEqual: (expected) => check('to equal', isEqual(actual, expected), expected),
    toMatchObject: (expected) => check('to match', matches(actual, expected), expected),
    toHaveProperty: (name) => check('to have the property', name in (actual as Json), name),
    toHaveLength: (length) => check('to have the length', list.length === length, length),
    toContain: (item) => check('to contain', list.includes(item), item),
    toBeUndefined: () => check('to be', actual === undefined, undefined),
    toBeGreaterThan: (limit) => check('to be greater than', (actual as number) > limit, limit),
    toBeGreaterThanOrEqual: (limit) => check('to be at least', (actual as number) >= limit, limit),
    toBeLessThanOrEqual: (limit) => check('to be at most', (actual as number) <= limit, limit),
  };
}

const isEqual = (a: unknown, b: unknown): boolean => matches(a, b) && matches(b, a);

/** Tells whether `actual` has everything that `expected` has. */
function matches(actual: unknown, expected: unknown): boolean {
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return false;
  if (Array.isArray(expected) !== Array.isArray(actual)) return false;
  if (Array.isArray(expected) && expected.length !== (actual as unknown[]).length) return false;
  return Object.keys(expected).every((name) => matches((actual as Json)[name], (expected as Json)[name]));
}

function show(value: unknown): string {
  const json: unknown = JSON.stringify(value, (_name, each: unknown) =>
    typeof each === 'bigint' ? String(each) : each,
  );
  return typeof json === 'string' ? json : String(value);
}
