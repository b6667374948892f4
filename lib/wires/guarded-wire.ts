/** Protects tasks, other readers and the process from errors of a user's own wire. */
import { requireAtOnce, warnOfFailure } from '../core/callbacks.js';
import { showOption } from '../core/check-options.js';
import { TaskError } from '../core/errors.js';
import { isSendable } from '../core/http-header.js';
import type { Wire } from '../sse/wire.js';
import { encodePosition } from './wire-frames.js';

type Refused = ReturnType<NonNullable<Wire['refusal']>>;

/**
 * Returns the wire with guarded functions. An event that it cannot frame becomes an empty frame with the event's id,
 * and a process warning. Its fold is left alone, because a state that cannot be folded is given up anyway.
 */
export function guardWire(wire: Wire): Wire {
  const { name, prelude, snapshot, refusal } = wire;
  const framed = (part: string, instead: string, make: () => string): string => {
    try {
      const text: unknown = requireAtOnce(part, make());
      if (typeof text === 'string' && text.endsWith('\n\n')) return text;
      throw new TaskError('CALLBACK_FAILED', `Expected ${part} to return whole frames, got ${showOption(text)}`);
    } catch (error) {
      warnOfFailure(`${part} of the wire ${name}`, error);
      return instead;
    }
  };
  const guarded: Wire = {
    ...wire,
    event: (id, event, task) => framed('event', encodePosition(id), () => wire.event(id, event, task)),
    end: (id, end, task) => framed('end', encodePosition(id), () => wire.end(id, end, task)),
    gap: (id, gap) => framed('gap', encodePosition(id), () => wire.gap(id, gap)),
  };
  return {
    ...guarded,
    ...(prelude && { prelude: (id, stream) => framed('prelude', '\n\n', () => prelude(id, stream) || '\n\n') }),
    ...(snapshot && {
      snapshot: (state, idAt, task) => {
        const { after, seq } = state;
        const gap = (): string => guarded.gap(idAt(seq), { from: after + 1, to: seq, reason: 'trimmed' });
        return framed('snapshot', '', () => snapshot(state, idAt, task)) || gap();
      },
    }),
    ...(refusal && {
      refusal: (said) => {
        try {
          return whole(requireAtOnce('refusal', refusal(said)));
        } catch (error) {
          warnOfFailure(`refusal of the wire ${name}`, error);
          return { contentType: 'text/plain; charset=utf-8', body: said.detail };
        }
      },
    }),
  };
}

/** Returns the refusal, if it can be sent. @throws TaskError `CALLBACK_FAILED` */
function whole(refused: Partial<Refused> | undefined): Refused {
  const { contentType, body } = refused ?? {};
  const isWhole = contentType !== undefined && isSendable('Content-Type', contentType) && typeof body === 'string';
  if (isWhole) return { contentType, body };
  throw new TaskError('CALLBACK_FAILED', 'Expected refusal to return { contentType, body }, two strings');
}
