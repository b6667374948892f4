/** The one way in which the client calls functions that only listen. */
import { globals } from './connection/browser-globals.js';
import { textOf } from './storage.js';

/**
 * Calls a listener by `call`, which also reads it from the options, and does not wait for what it returns. If it throws
 * or rejects, the platform is told (a process warning in Node, `reportError` in browsers): neither the stream nor another
 * listener is disturbed, and no process ends.
 */
export function callListener(call: () => unknown): void {
  try {
    const answer = call();
    if (answer) Promise.resolve(answer).catch(report);
  } catch (error) {
    report(error);
  }
}

/** Outside of browsers `reportError` may end the process, so a warning comes first. */
const report = (error: unknown): void =>
  globals.process?.emitWarning ? globals.process.emitWarning(textOf(error)) : globals.reportError?.(error);
