/** The wire of the AI SDK's UI message stream. */
import { encodeFrame } from '../sse/frame.js';
import type { Wire } from '../sse/wire.js';
import { encodeItems } from './encode-items.js';
import { MessageFold, type FoldRules, type ProtocolEvent } from './message-fold.js';
import { readOutcome } from './outcome.js';

/** The members that a piece of text may have. One with more, such as `providerMetadata`, is kept as it is. */
const TEXT_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['text-delta', ['delta', 'id']],
  ['reasoning-delta', ['delta', 'id']],
  ['tool-input-delta', ['inputTextDelta', 'toolCallId']],
]);

const RULES: FoldRules = {
  textMemberOf(chunk) {
    const members = TEXT_MEMBERS.get(chunk['type']);
    if (members === undefined) return undefined;
    const [member = '', id = ''] = members;
    for (const name in chunk) if (name !== 'type' && !members.includes(name)) return undefined;
    return typeof chunk[member] === 'string' && typeof chunk[id] === 'string' ? member : undefined;
  },
  groupOf(chunk) {
    // A data part that is sent again with the same id changes the first one, in its place.
    if (!isData(chunk) || typeof chunk['id'] !== 'string') return undefined;
    return { name: `${String(chunk['type'])} ${chunk['id']}`, drops: 'all but the first' };
  },
  passesBy: (chunk) => isData(chunk) && chunk['transient'] === true,
};

const isData = ({ type }: ProtocolEvent): boolean => typeof type === 'string' && type.startsWith('data-');

const START = encodeFrame(undefined, '{"type":"start"}', undefined);

/**
 * Returns the `start` of a message that does not begin with one. Without it, a page that resumes would add the message
 * to the previous one.
 */
const opening = (json: string): string => (/^\{"type":"start"[,}]/.test(json) ? '' : START);

const encodeError = (errorText: string): string =>
  encodeFrame(undefined, JSON.stringify({ type: 'error', errorText }), undefined);

const encodeDone = (id: string): string => encodeFrame(undefined, '[DONE]', id);

/**
 * Frames the UI message stream of the AI SDK, as `useChat` and `readUIMessageStream` read it. A job on this wire yields
 * its chunks (`result.toUIMessageStream()`).
 *
 * An event of `emit` is a transient data part, `data-<name>`, for `onData`. The protocol cannot express that something
 * is missing: instead of trimmed events a client gets their folded state, or an error where even that is lost.
 */
export const UI_MESSAGE_STREAM: Wire = Object.freeze<Wire>({
  name: 'ui-message-stream',
  headers: { 'x-vercel-ai-ui-message-stream': 'v1' },
  event(id, { seq, name, json }) {
    const chunk =
      name === undefined ? json : `{"type":${JSON.stringify(`data-${name}`)},"data":${json},"transient":true}`;
    return (seq === 1 ? opening(chunk) : '') + encodeFrame(undefined, chunk, id);
  },
  end(id, end) {
    const outcome = readOutcome(end);
    if ('result' in outcome) return encodeDone(id);
    if (end.status === 'failed') return encodeError(outcome.failure.message) + encodeDone(id);
    return encodeFrame(undefined, '{"type":"abort"}', undefined) + encodeDone(id);
  },
  gap: (id) => encodeFrame(undefined, LOST, id),
  fold: (maxBytes) => new MessageFold(RULES, maxBytes),
  snapshot: (snapshot, idAt) => encodeItems(snapshot, idAt, opening, (id, json) => encodeFrame(undefined, json, id)),
  // `useChat` shows the body of a refusal as the message of its error.
  refusal: ({ detail }) => ({ contentType: 'text/plain; charset=utf-8', body: detail }),
});

const LOST = JSON.stringify({ type: 'error', errorText: 'A part of the answer is no longer kept' });
