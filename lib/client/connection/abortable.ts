/** Ends what takes no notice of an AbortSignal by itself. */
import { attempt } from '../storage.js';

/** Calls `stop` when `signal` aborts; at once where it has, since a listener would not hear of it any more. */
function whenAborted(signal: AbortSignal, stop: () => unknown): void {
  if (signal.aborted) stop();
  else signal.addEventListener('abort', () => void stop()); // Node throws what a promise of a listener rejects with
}

/**
 * Returns the answer that `ask` brings, whose body ends with `signal`. Rejects when that aborts: a `fetch` of one's own
 * may take no notice of it. Asks nothing where it has aborted already.
 */
export const answerOf = (signal: AbortSignal, ask: () => Promise<Response>): Promise<Response> =>
  new Promise((resolve, reject) => {
    whenAborted(signal, () => reject(signal.reason as Error));
    if (signal.aborted) return;
    ask().then((response) => {
      resolve(response);
      // Does nothing to a body that is being read: that is up to its reader.
      whenAborted(signal, () => attempt(() => response.body?.cancel()));
    }, reject);
  });

/** Returns the reader of a body, whose reads end with `signal`; undefined on platforms that have none. */
export function readerOf(
  { body }: Response,
  signal?: AbortSignal,
): ReadableStreamDefaultReader<Uint8Array> | undefined {
  const reader = (body as Partial<ReadableStream<Uint8Array>> | null)?.getReader?.();
  // After an abort Node’s fetch may never settle another read; cancelling settles it.
  if (reader && signal) whenAborted(signal, () => attempt(() => reader.cancel()));
  return reader;
}
