/** Returns the same promise. Its caller may await it or not: a rejection that nobody handles does no harm. */
export function optional<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
