/** Frames a log for the clients of AG-UI. */
import type { Wire, WireTask } from '../sse/wire.js';
import { encodeItems } from './encode-items.js';
import { encodeIdFirst, encodePosition, markEnd } from './wire-frames.js';
import { MessageFold, type FoldRules } from './message-fold.js';
import { readOutcome } from './outcome.js';

/** The member that names the owner of a piece of text, by event type. A piece with further members is kept as it is. */
const TEXT_OF: ReadonlyMap<unknown, string> = new Map([
  ['TEXT_MESSAGE_CONTENT', 'messageId'],
  ['REASONING_MESSAGE_CONTENT', 'messageId'],
  ['TOOL_CALL_ARGS', 'toolCallId'],
]);

const RULES: FoldRules = {
  textMemberOf(event) {
    const id = TEXT_OF.get(event['type']);
    if (id === undefined || typeof event[id] !== 'string' || typeof event['delta'] !== 'string') return undefined;
    for (const name in event) if (!['type', id, 'delta', 'timestamp'].includes(name)) return undefined;
    return 'delta';
  },
  groupOf({ type }) {
    if (type === 'STATE_SNAPSHOT') return { name: 'state', drops: 'all' };
    return type === 'STATE_DELTA' ? { name: 'state', drops: 'none' } : undefined;
  },
  passesBy: () => false,
};

/** Returns the `RUN_STARTED` of a run that the job does not begin by itself. Its run is then the task. */
function opening(json: string, { taskId, slot = taskId }: WireTask): string {
  if (typeIn(json) === 'RUN_STARTED') return '';
  return `data: ${JSON.stringify({ type: 'RUN_STARTED', threadId: slot, runId: taskId })}\n\n`;
}

/**
 * Frames AG-UI's events as `HttpAgent` reads them over `text/event-stream`. A job on this wire yields AG-UI events.
 *
 * A job that does not send `RUN_STARTED` first gets one, and one without its own `RUN_FINISHED` gets one with the
 * task's result. A task without a result ends with `RUN_ERROR`. An event of `emit` is a `CUSTOM` one. Instead of
 * trimmed events a client gets their folded state, or a `RUN_ERROR` where even that is lost.
 */
export const AG_UI: Wire = Object.freeze<Wire>({
  name: 'ag-ui',
  event(id, { seq, name, json }, task) {
    const event = name === undefined ? json : `{"type":"CUSTOM","name":${JSON.stringify(name)},"value":${json}}`;
    return (seq === 1 ? opening(event, task) : '') + encodeIdFirst(id, undefined, event);
  },
  end(id, end, task) {
    const outcome = readOutcome(end);
    const last = end.progress === undefined ? undefined : typeIn(end.progress);
    // After its own `RUN_FINISHED` or `RUN_ERROR` a run may say nothing more, except that it has failed after all.
    if (last === 'RUN_ERROR' || (last === 'RUN_FINISHED' && 'result' in outcome)) return markEnd(encodePosition(id));
    const { taskId, slot = taskId } = task;
    const event =
      'result' in outcome
        ? { type: 'RUN_FINISHED', threadId: slot, runId: taskId, result: outcome.result }
        : { type: 'RUN_ERROR', ...outcome.failure };
    const json = JSON.stringify(event);
    return (end.seq === 1 ? opening(json, task) : '') + markEnd(encodeIdFirst(id, undefined, json));
  },
  gap: (id) => encodeIdFirst(id, undefined, LOST),
  fold: (maxBytes) => new MessageFold(RULES, maxBytes),
  snapshot: (snapshot, idAt, task) =>
    encodeItems(
      snapshot,
      idAt,
      (json) => opening(json, task),
      (id, json) => encodeIdFirst(id, undefined, json),
    ),
  // `HttpAgent` parses the body of a refusal for its `error.payload` where this is its type.
  refusal: ({ status, code, detail }) => ({
    contentType: 'application/json',
    body: JSON.stringify({ type: 'about:blank', status, detail, code }),
  }),
});

const LOST = JSON.stringify({
  type: 'RUN_ERROR',
  code: 'EVENTS_LOST',
  message: 'A part of the run is no longer kept',
});

/** Returns the type of an event, wherever it stands among the members. */
function typeIn(json: string): unknown {
  const event = JSON.parse(json) as { type?: unknown } | null;
  return event?.type;
}
