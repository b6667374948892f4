/** Options that may be given as a value or as a function that returns one. */

/** A value, or a function that is called for it at every request, and may return a promise: a token never gets old. */
export type ValueOrGetter<T> = T | (() => T | Promise<T>);

/** Returns the value that `given` is or returns. Throws or rejects as the function does. */
export const resolveValue = <T>(given: ValueOrGetter<T>): T | Promise<T> =>
  typeof given === 'function' ? (given as () => T | Promise<T>)() : given;
