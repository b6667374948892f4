/** Lets a promise fail where nobody is harmed by it. */

/** Does nothing, for a callback that has nothing to do, such as with the error of a promise whose failure does no harm. */
export const ignore = (): void => undefined;

/** Returns the same promise. Its caller may await it or not: a rejection that nobody handles does no harm. */
export function optional<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore);
  return promise;
}
