/**
 * Calls the functions of users: options, hooks and listeners. The library calls them nowhere else. None can end the
 * process or disturb anybody else, whether it throws, rejects, or returns an object whose `then` throws.
 */
import { types } from 'node:util';
import { TaskError } from './errors.js';
import { showOption } from './check-options.js';
import { describeThrown, readProperty } from './thrown.js';

/**
 * Calls `callback` at once, without waiting for a promise that it returns. A failure becomes a process warning that
 * names it.
 * @param name what to call it in the warning, such as `onTaskError` or `a listener of "connect"`
 */
export function notifyCallback<A extends readonly unknown[]>(
  name: string,
  callback: (...args: A) => unknown,
  ...args: A
): void {
  settled(callback, args).catch((error: unknown) => {
    warnOfFailure(name, error);
  });
}

/**
 * Calls `callback` at once, and returns its value or what its promise resolves to.
 * @throws TaskError the callback's own, or `CALLBACK_FAILED` with the callback's error as `cause`. An error that carries
 * an HTTP status is thrown as it is: it is meant for the request.
 */
export async function askCallback<A extends readonly unknown[], T>(
  name: string,
  callback: (...args: A) => T | PromiseLike<T>,
  ...args: A
): Promise<T> {
  try {
    return await settled(callback, args);
  } catch (error) {
    throw failureOf(name, error);
  }
}

/**
 * Calls a `callback` that must answer at once, and returns its value.
 * @throws TaskError as `askCallback`, and `CALLBACK_FAILED` where it returns a promise, whose rejection is then nobody's
 */
export function askSyncCallback<A extends readonly unknown[], T>(
  name: string,
  callback: (...args: A) => T,
  ...args: A
): T {
  let value: T;
  try {
    value = callback(...args);
  } catch (error) {
    throw failureOf(name, error);
  }
  if (isPromise(value)) throw warned(name, promiseFrom(name, value));
  return value;
}

/**
 * Returns what a function of the user's has returned that must answer at once. For callers that report failures
 * themselves: nobody is warned here.
 * @throws TaskError `CALLBACK_FAILED` where it is a promise, whose rejection is then nobody's
 */
export function requireAtOnce<T>(name: string, value: T): T {
  if (isPromise(value)) throw promiseFrom(name, value);
  return value;
}

/**
 * Calls `failed` where a function that nobody waits for, such as `end` of a response, has returned a promise that rejects.
 * Only a real promise can: a thenable does nothing before somebody waits for it.
 */
export function onRejection(value: unknown, failed: (error: unknown) => void): void {
  if (types.isPromise(value)) value.catch(failed);
}

/**
 * Returns `value` where it may name an owner, user, subscriber or slot: a string of 1 to 256 characters, or undefined.
 * Anything else would sooner or later stand for everybody, and is refused.
 * @throws TaskError `CALLBACK_FAILED` naming the callback
 */
export function readIdentity(name: string, value: unknown): string | undefined {
  if (value === undefined || isIdentity(value)) return value;
  throw warned(name, isPromise(value) ? promiseFrom(name, value) : badValue(name, IDENTITY_RULE, showOption(value)));
}

/** Describes the values that `isIdentity` accepts, for messages. */
export const IDENTITY_RULE = 'a string of 1 to 256 characters, or undefined';

/**
 * Tells whether `value` can name somebody. Lone surrogates are refused too: as UTF-8 they all become the same
 * character, which would make two owners one.
 */
export function isIdentity(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256 && !/\p{Surrogate}/u.test(value);
}

/**
 * Returns `value` where it is true or false. Values that are merely truthy or falsy are refused.
 * @throws TaskError `CALLBACK_FAILED` naming the callback
 */
export function readDecision(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw warned(name, badValue(name, 'true or false', showOption(value)));
}

/**
 * Returns `value` where it is a number that can count something.
 * @throws TaskError `CALLBACK_FAILED` naming the callback
 */
export function readCount(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw warned(name, badValue(name, 'a whole number from 0', showOption(value)));
}

/** Calls `call` with each of `items`. An item that throws becomes a process warning and does not affect the others. */
export function callEach<T>(name: string, items: Iterable<T>, call: (item: T) => void): void {
  for (const item of items) {
    try {
      call(item);
    } catch (error) {
      warnOfFailure(name, error);
    }
  }
}

/** Tells the process that a callback has failed. Never throws. */
export function warnOfFailure(name: string, error: unknown): void {
  process.emitWarning(describeThrown(error), { type: 'CallbackWarning', detail: `in ${name}` });
}

/**
 * Returns the callback's value as a promise. Resolving a promise with it reads its `then` once, and turns whatever that
 * throws into a rejection.
 */
function settled<A extends readonly unknown[], T>(
  callback: (...args: A) => T | PromiseLike<T>,
  args: A,
): Promise<Awaited<T>> {
  return new Promise<T>((resolve) => {
    resolve(callback(...args));
  }) as Promise<Awaited<T>>;
}

const isPromise = (value: unknown): boolean =>
  typeof readProperty(value, 'then') === 'function' || types.isPromise(value);

/** Returns the error for a promise where a value was expected, and takes care of its rejection. */
function promiseFrom(name: string, value: unknown): TaskError {
  settled(() => value, []).catch(() => undefined);
  return badValue(name, 'its value at once, since it is not awaited', 'a promise');
}

const badValue = (name: string, rule: string, shown: string): TaskError =>
  new TaskError('CALLBACK_FAILED', `Expected ${name} to return ${rule}, got ${shown}`);

function failureOf(name: string, error: unknown): unknown {
  if (error instanceof TaskError || hasHttpStatus(error)) return error;
  return warned(name, new TaskError('CALLBACK_FAILED', `The callback ${name} failed`, { cause: error }));
}

/**
 * Warns the process as well, because the answer to the request says no more than "500" and the operator has to hear of
 * it.
 */
function warned(name: string, error: TaskError): TaskError {
  warnOfFailure(name, error);
  return error;
}

/** Tells whether an error names the status of its answer, as those of `http-errors` and many middlewares do. */
function hasHttpStatus(error: unknown): boolean {
  return [readProperty(error, 'status'), readProperty(error, 'statusCode')].some(
    (status) => Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599,
  );
}
