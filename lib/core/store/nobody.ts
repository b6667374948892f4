/** Stands for the run of a task that nobody runs here. */
import { ignore } from '../optional-promise.js';
import type { Executor } from '../ports.js';

export const NOBODY: Executor = Object.freeze({
  cancelRequested: ignore,
  audienceChanged: ignore,
  fenced: ignore,
  snapshotJson: () => undefined,
});
