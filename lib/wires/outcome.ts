/** Reads terminal events. */
import type { WireEnd } from '../sse/wire.js';

/** The reason why a task has no result, in words that are meant for clients. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

interface OutcomeJson {
  readonly result?: unknown;
  readonly error?: Failure;
  readonly code?: string;
  readonly reason?: string;
}

/** Returns the result of a terminal event, or the reason why there is none. */
export function readOutcome({ json }: WireEnd): { readonly result: unknown } | { readonly failure: Failure } {
  const { result, error, code = 'TASK_FAILED', reason } = JSON.parse(json) as OutcomeJson;
  if (error !== undefined) return { failure: error };
  return reason === undefined ? { result } : { failure: { code, message: reason } };
}
