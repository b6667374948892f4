/** Reads the body of an answer as events. */
import { createEventParser, type ParsedEvent } from '../../sse/event-parser.js';
import { StreamError } from './answers.js';

/** Characters of one event. Servers of this library allow 1 MiB by default. */
export const MAX_EVENT_BYTES = 16_777_216;

/** Creates the reader of one body, which calls `receive` with each complete event. */
export function createEventReader(
  receive: (event: ParsedEvent) => void,
  setRetryMs: (ms: number) => void,
  maxEventBytes = MAX_EVENT_BYTES,
): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  const parse = createEventParser(receive, setRetryMs);
  return (bytes) => {
    if (parse(decoder.decode(bytes, { stream: true })) > maxEventBytes) throw new StreamError('EVENT_TOO_LARGE');
  };
}
