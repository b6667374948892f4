/**
 * Calls what a user gave, at once. What it throws becomes an unhandled rejection, which somebody sees, and disturbs
 * neither the stream nor the other callbacks.
 */
export const callSafely = <A extends readonly unknown[]>(
  fn: ((...args: A) => unknown) | undefined,
  ...args: A
): Promise<unknown> => new Promise((resolve) => resolve(fn?.(...args)));
