/** The one way in which the client calls functions that only listen. */
import { globals } from './connection/browser-globals.js';
import { textOf } from './storage.js';

/**
 * Calls `listener` at once, without waiting for what it returns. If it throws or rejects, the platform is told
 * (`reportError` in browsers, a process warning in Node): neither the stream nor another listener is disturbed, and no
 * process ends.
 */
export function callListener<A extends readonly unknown[]>(
  listener: ((...args: A) => unknown) | undefined,
  ...args: A
): void {
  if (listener) new Promise((resolve) => resolve(listener(...args))).catch(report);
}

const report = (error: unknown): void =>
  globals.reportError ? globals.reportError(error) : globals.process?.emitWarning(textOf(error));
