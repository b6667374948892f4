/**
 * The one way in which options are checked. Each factory lists a rule per option, and `checkOptions` refuses what is not
 * listed, so that a misspelt option is an error where it is written and never a default that nobody asked for.
 */
import { TaskError } from './errors.js';
import { nearestName } from './nearest-name.js';

/** A rule for the value of one option. */
export interface OptionRule {
  /** Completes the sentence "Expected x to be …". */
  readonly text: string;
  readonly accepts: (value: unknown) => boolean;
  /** Rules for the members of an option that is an object itself. */
  readonly members?: Readonly<Record<string, OptionRule>>;
  /** True where the option is a list, which is copied, so that what was checked stays as it is. */
  readonly isList?: boolean;
  /** True where the option has no default and must be given. */
  readonly required?: boolean;
}

/** One rule for each option of `T`. A rule that is forgotten does not compile. */
export type OptionRules<T> = { readonly [K in keyof T]-?: OptionRule };

/** Default, least and greatest value of an option that is a number. Infinity as the greatest makes it legal. */
export type Range = readonly [number, number, number];

/** The longest delay of one Node timer, in ms. */
export const TIMER_MS = 2 ** 31 - 1;
export const LARGE = Number.MAX_SAFE_INTEGER;

/**
 * Returns a copy of the options of a factory or function, each of which was read once and checked. Only the copy may be
 * used: a getter could answer differently the next time. An option that is undefined counts as not given.
 * @param owner what has the options, for messages: `createHub`, `tasks.router`
 * @throws TaskError `INVALID_OPTION` naming the option, the rule and the value, or the option that was probably meant
 */
export function checkOptions<T extends object>(owner: string, given: T, rules: OptionRules<T>): T {
  assertOption(isPlainObject(given), `the options of ${owner}`, 'an object', given);
  return readMembers(given, rules, '') as T;
}

/** @throws TaskError `INVALID_OPTION` unless `ok`. */
export function assertOption(ok: boolean, name: string, rule: string, value: unknown): asserts ok {
  if (!ok) throw new TaskError('INVALID_OPTION', `Expected ${name} to be ${rule}, got ${showOption(value)}`);
}

/** @throws TaskError `INVALID_OPTION` */
export function checkRange(name: string, range: Range, value: unknown): number {
  const { accepts, text } = wholeNumber(range);
  assertOption(accepts(value), name, text, value);
  return value as number;
}

/** Accepts integers in a range, and Infinity where that is its end. */
export function wholeNumber([, least, greatest]: Range): OptionRule {
  const most = greatest === LARGE ? '' : greatest === Infinity ? ' or Infinity' : `, at most ${greatest}`;
  const isWhole = (value: unknown): boolean =>
    Number.isSafeInteger(value) || (value === Infinity && greatest === Infinity);
  return {
    text: `a whole number, at least ${least}${most}`,
    accepts: (value) => isWhole(value) && (value as number) >= least && (value as number) <= greatest,
  };
}

/** Returns the rules of options that are numbers. */
export const numberRules = <Name extends string>(
  ranges: Readonly<Record<Name, Range>>,
): Readonly<Record<Name, OptionRule>> =>
  Object.fromEntries(Object.entries<Range>(ranges).map(([name, range]) => [name, wholeNumber(range)])) as Record<
    Name,
    OptionRule
  >;

/** Returns the numbers among `given`, which have been checked, with the defaults filled in. */
export function numbersOf<Name extends string>(
  ranges: Readonly<Record<Name, Range>>,
  given: { readonly [K in Name]?: number | undefined },
): Record<Name, number> {
  const numbers = {} as Record<Name, number>;
  for (const name of Object.keys(ranges) as Name[]) numbers[name] = given[name] ?? ranges[name][0];
  return numbers;
}

export const A_FUNCTION: OptionRule = { text: 'a function', accepts: (value) => typeof value === 'function' };
export const A_BOOLEAN: OptionRule = { text: 'a boolean', accepts: (value) => typeof value === 'boolean' };
export const A_STRING: OptionRule = { text: 'a string', accepts: (value) => typeof value === 'string' };
/** Accepts any value, for options that are the user's own affair, such as the input of a job. */
export const ANYTHING: OptionRule = { text: 'anything', accepts: () => true };
export const A_SIGNAL: OptionRule = { text: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal };
export const A_CLOCK = withMethods('a Clock', ['now', 'wallNow', 'after', 'every']);

/** Accepts any array. Its items are checked where they are used. */
export const AN_ARRAY: OptionRule = { text: 'an array', accepts: Array.isArray, isList: true };

/** Tells whether a value is an array of such items. A hole in it is none, although `every` alone passes over holes. */
export const isListOf = <T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] =>
  Array.isArray(value) && Array.from(value).every((item) => isItem(item));

export const required = (rule: OptionRule): OptionRule => ({ ...rule, required: true });

export function oneOf(...values: readonly string[]): OptionRule {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? '';
  const text = quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
  return { text, accepts: (value) => values.includes(value as string) };
}

/** Accepts an object of any class that has all of `methods`. */
export function withMethods(text: string, methods: readonly string[]): OptionRule {
  const has = (value: object, name: string): boolean => typeof (value as Record<string, unknown>)[name] === 'function';
  return {
    text,
    accepts: (value) => typeof value === 'object' && value !== null && methods.every((name) => has(value, name)),
  };
}

/** Accepts an object whose members obey `members`. */
export function nested<T>(members: OptionRules<T>): OptionRule {
  return { text: 'an object', accepts: isPlainObject, members };
}

/** Shows a value in a message. It shows only the beginning of a text, which may be long or a secret. */
export function showOption(value: unknown): string {
  if (typeof value === 'string') {
    return value.length <= 40
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, 40))}… (${value.length} characters)`;
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value;
}

function readMembers(given: object, rules: Readonly<Record<string, OptionRule>>, path: string): object {
  for (const name of namesOf(given)) {
    if (!Object.hasOwn(rules, name)) throw unknownOption(path, name, Object.keys(rules));
  }
  const read: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const found = (given as Record<string, unknown>)[name];
    const value: unknown = rule.isList === true && Array.isArray(found) ? Array.from(found) : found;
    if (value === undefined && rule.required !== true) continue;
    assertOption(rule.accepts(value), path + name, rule.text, value);
    read[name] = rule.members === undefined ? value : readMembers(value as object, rule.members, `${path}${name}.`);
  }
  return read;
}

/** Yields the names of options, also of those that come from the prototype of `given`, such as shared defaults. */
function* namesOf(given: object): Generator<string> {
  let object: object | null = given;
  while (object !== null && !isRoot(object)) {
    yield* Object.keys(object);
    object = Object.getPrototypeOf(object) as object | null;
  }
}

/** Tells whether an object is the `Object.prototype` of any realm, to which other code may have added names. */
const isRoot = (object: object): boolean =>
  Object.getPrototypeOf(object) === null && Object.hasOwn(object, 'hasOwnProperty');

function unknownOption(path: string, name: string, known: readonly string[]): TaskError {
  const near = nearestName(name, known);
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${path}${near}?`;
  return new TaskError('INVALID_OPTION', `Expected ${path}${name.slice(0, 40)} to be an option that exists: ${hint}`);
}

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
