/** Encodes folded messages. */
import type { WireSnapshot } from '../sse/wire.js';
import { encodePosition } from './wire-frames.js';
import { parseItems, restOf } from './message-fold.js';

/**
 * Returns a folded message as frames, for a client that has everything up to `after`. Each frame carries the id of the
 * last event in it, so that a cut between two of them loses nothing.
 * @param opening what must stand before a message that begins with this event
 */
export function encodeItems(
  { json, seq, after }: WireSnapshot,
  idAt: (seq: number) => string,
  opening: (json: string) => string,
  encode: (id: string, json: string) => string,
): string {
  let text = '';
  let position = after;
  for (const item of parseItems(json)) {
    const rest = restOf(item, after);
    if (rest === undefined) continue;
    if (text === '' && after === 0) text = opening(rest.json);
    text += encode(idAt(rest.seq), rest.json);
    position = rest.seq;
  }
  return position < seq || text === '' ? text + encodePosition(idAt(seq)) : text;
}
