/** Frames a log for readers of OpenAI-style streams: each progress value as data, and `[DONE]` at the end. */
import type { Wire } from '../sse/wire.js';
import { encodeIdFirst, markEnd } from './wire-frames.js';
import { readOutcome } from './outcome.js';

/**
 * Frames each progress value as data, and `[DONE]` after a result, for TanStack AI and readers of OpenAI-style streams.
 *
 * A task without a result ends with one error that both kinds of reader understand. It has no `[DONE]`, which TanStack
 * AI would take for success. Events of `emit`, gaps and snapshots are frames with an event name.
 */
export const PLAIN: Wire = Object.freeze<Wire>({
  name: 'plain',
  accepts: ['application/json'], // OpenAI's own client asks for this although it reads a stream
  event: (id, { name, json }) => encodeIdFirst(id, name, json),
  end(id, end) {
    const outcome = readOutcome(end);
    if ('result' in outcome) return encodeIdFirst(id, undefined, '[DONE]');
    const { code, message } = outcome.failure;
    const error = { type: 'RUN_ERROR', code, message, error: { code, message } };
    return markEnd(encodeIdFirst(id, undefined, JSON.stringify(error)));
  },
  gap: (id, { from, to, reason }) => encodeIdFirst(id, 'gap', JSON.stringify({ from, to, reason })),
  snapshot: ({ json, seq }, idAt) => encodeIdFirst(idAt(seq), 'snapshot', json),
  refusal: ({ code, detail }) => ({
    contentType: 'application/json',
    body: JSON.stringify({ error: { code, message: detail, type: 'invalid_request_error' } }),
  }),
});
