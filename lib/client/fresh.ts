/** A value, or a function that is asked for it at every attempt. */
export type Fresh<T> = T | (() => T | Promise<T>);

export const fresh = <T>(value: Fresh<T>): T | Promise<T> =>
  typeof value === 'function' ? (value as () => T | Promise<T>)() : value;
